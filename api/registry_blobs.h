#pragma once

// The body of a blob on its way from a registry, over HTTP; contract in engine/registry.h.
//
// A reader holds one of its host's stream connections until the end is read. It may be destroyed at any time; it must
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

}  // namespace longshore::api
