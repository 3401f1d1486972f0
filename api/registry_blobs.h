#pragma once

// The body of a blob on its way from a registry, over HTTP; contract in engine/registry.h.
//
// A body may be a part only of what was asked for (RFC 9110 15.3.7): its end before the blob's, where that is known, is
// unavailable, so that reading goes on behind it. A reader holds one of its host's stream connections until the end is
// read. It may be destroyed at any time; it must not outlive the registry_session.

#include "api/registry_session.h"

namespace longshore::api {

class http_blob_reader final : public engine::blob_reader {
 public:
  // The body begins with the blob's byte number `at`; size is the whole blob's, where it was told.
  http_blob_reader(std::unique_ptr<http_stream> body, std::uint64_t at, std::optional<std::uint64_t> size)
      : body_(std::move(body)), at_(at), size_(size) {}
  std::optional<std::uint64_t> size() const override { return size_; }
  task<std::size_t> read(boost::asio::mutable_buffer buffer) override;
  // Reads and forgets n bytes: the answer began earlier than asked for. corrupt when the blob ends before; unavailable
  // when that is not known of it.
  task<> skip(std::uint64_t n);

 private:
  std::unique_ptr<http_stream> body_;
  std::uint64_t at_;
  std::optional<std::uint64_t> size_;
};

}  // namespace longshore::api
