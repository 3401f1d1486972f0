#include "engine/resuming_reader.h"

namespace longshore::engine {

bool may_pass(errc code) { return code == errc::unavailable || code == errc::timed_out || code == errc::throttled; }

std::optional<std::int64_t> pause_before(const resume_policy& policy, int failures, const error& why) {
  if (!may_pass(why.code) || failures > policy.tries_max || why.retry_after_ms > policy.pause_ms_max) return {};
  constexpr int doublings_max = 20;
  const std::int64_t own = policy.first_pause_ms << std::min(failures - 1, doublings_max);
  return std::max(std::min(own, policy.pause_ms_max), why.retry_after_ms);
}

task<std::size_t> resuming_reader::read_once(boost::asio::mutable_buffer buffer) {
  if (!body_) {
    auto opened = co_await source_->open_blob(repository_, digest_, offset_);
    if (!opened) co_return pass(std::move(opened));
    body_ = *std::move(opened);
  }
  co_return co_await body_->read(buffer);
}

// Whether an end here may be that of a connection, or of a part of the blob.
bool resuming_reader::broke_off() const { return offset_ < size_ && ended_at_ != offset_ && body_->size() != offset_; }

task<std::size_t> resuming_reader::fill(boost::asio::mutable_buffer buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    auto n = co_await read_once(buffer + filled);
    if (n && *n == 0) {
      if (!broke_off()) break;
      ended_at_ = offset_;
      n = fail(errc::unavailable,
               "the source broke off after " + std::to_string(offset_) + " of " + std::to_string(size_) + " bytes");
    }
    if (n) {
      filled += *n;
      offset_ += *n;
      since_failure_ += *n;
      if (since_failure_ >= policy_.progress_bytes_min) failures_ = 0;
      continue;
    }
    body_.reset();
    since_failure_ = 0;
    const auto wait = pause_before(policy_, ++failures_, n.error());
    if (!wait) co_return pass(std::move(n));
    if (auto paused = co_await pause_->pause(*wait); !paused) co_return pass(std::move(paused));
    ++resumed_;
  }
  co_return filled;
}

}  // namespace longshore::engine
