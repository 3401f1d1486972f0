#pragma once

// A blob on its way to a registry, over HTTP; contracts in engine/registry.h.
//
// One PUT with Content-Length, or, as upload_habits say, PATCH after PATCH and an empty PUT. offset() moves with each
// chunk that the registry acknowledged. A writer holds one of its host's stream connections from the first byte of a
// request to its answer. A request's body cannot be sent twice: after a failure the writer is of no use but for
// session() and cancel(), and the upload goes on with registry::resume_blob(). Refused credentials are renewed on the
// way out, so that the next request has fresh ones; only when those are refused too is the failure unauthorized.
// write() and finish() say invalid when the bytes do not add up to the size told. Must not outlive what it was given.

#include "api/registry_session.h"
#include "api/upload_habits.h"

namespace longshore::api {

class http_blob_writer final : public engine::blob_writer {
 public:
  http_blob_writer(registry_session& session, const clock& now, upload_habits& habits, upload_place place,
                   longshore::digest d, std::uint64_t size, std::uint64_t offset)
      : session_(&session),
        clock_(&now),
        habits_(&habits),
        place_(std::move(place)),
        digest_(std::move(d)),
        size_(size),
        chunk_(habits.chunk_for(size, place_.chunk_min)),
        acknowledged_(offset),
        sent_(offset) {}

  task<> write(boost::asio::const_buffer buffer) override;
  task<> finish(longshore::digest expected) override;
  task<> cancel() override;
  std::uint64_t offset() const override { return acknowledged_; }
  std::optional<engine::upload_session> session() const override {
    return engine::upload_session{place_.location.origin() + place_.location.target(), place_.cookies,
                                  session_->registry().origin()};
  }

 private:
  task<> begin(bool last);
  task<http_response> answer();
  task<> settle_chunk();
  task<> settle();
  task<> broken(error how);
  // A connection that was closed without an answer may say that the registry takes no whole blobs.
  error closed(error how);
  error refused(const http_response& answer, bool learned) const;
  std::string doing() const { return "uploading blob " + digest_.text(); }

  registry_session* session_;
  const clock* clock_;
  upload_habits* habits_;
  upload_place place_;
  longshore::digest digest_;
  std::uint64_t size_;
  std::uint64_t chunk_;         // 0: what is left goes in one PUT
  std::uint64_t acknowledged_;  // where the request under way begins
  std::uint64_t sent_;
  std::uint64_t request_end_ = 0;
  bool failed_ = false;
  started_upload under_way_;
};

}  // namespace longshore::api
