#pragma once

// The bodies of blobs on their way from or to a registry, over HTTP; contracts in engine/registry.h.
//
// A reader holds one of its host's stream connections until the end is read; a writer, from its first byte until
// finish() or cancel(). The writer is one PUT with Content-Length: its size is told at the beginning, and
// write() or finish() say invalid when the bytes do not add up to it. Both may be destroyed at any time; they must
// not outlive the registry_session.

#include "api/registry_session.h"

namespace longshore::api {

class http_blob_reader final : public engine::blob_reader {
 public:
  http_blob_reader(std::unique_ptr<http_stream> body, std::optional<std::uint64_t> size)
      : body_(std::move(body)), size_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  task<std::size_t> read(boost::asio::mutable_buffer buffer) override { return body_->read(buffer); }
  // Reads and forgets n bytes: the answer began earlier than asked for. corrupt when it ends before.
  task<> skip(std::uint64_t n);

 private:
  std::unique_ptr<http_stream> body_;
  std::optional<std::uint64_t> size_;
};

struct upload_place {
  url location;         // without the digest
  std::string cookies;  // of the answer that began the session
  std::vector<std::string> scopes;
  std::string repository;
};

class http_blob_writer final : public engine::blob_writer {
 public:
  http_blob_writer(registry_session& session, const clock& now, upload_place place, longshore::digest d,
                   std::uint64_t size)
      : session_(&session), clock_(&now), place_(std::move(place)), digest_(std::move(d)), size_(size) {}

  task<> write(boost::asio::const_buffer buffer) override;
  task<> finish(longshore::digest expected) override;
  task<> cancel() override;

 private:
  task<> begin();
  task<> settle();

  registry_session* session_;
  const clock* clock_;
  upload_place place_;
  longshore::digest digest_;
  std::uint64_t size_, sent_ = 0;
  std::unique_ptr<http_upload> upload_;
};

// The session that an answer with status 202 began.
result<upload_place> upload_place_of(const registry_session& session, const http_head& answer,
                                     std::vector<std::string> scopes, std::string repository);

}  // namespace longshore::api
