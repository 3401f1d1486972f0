#include "engine/resuming_reader.h"

namespace longshore::engine {
namespace {

bool may_go_on(errc code) { return code == errc::unavailable || code == errc::timed_out || code == errc::throttled; }

}  // namespace

task<std::size_t> resuming_reader::read_once(boost::asio::mutable_buffer buffer) {
  if (!body_) {
    auto opened = co_await source_->open_blob(repository_, digest_, offset_);
    if (!opened) co_return pass(std::move(opened));
    body_ = *std::move(opened);
  }
  co_return co_await body_->read(buffer);
}

task<std::size_t> resuming_reader::fill(boost::asio::mutable_buffer buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    auto n = co_await read_once(buffer + filled);
    if (n && *n == 0) break;
    if (n) {
      filled += *n;
      offset_ += *n;
      failures_ = 0;
      continue;
    }
    body_.reset();
    if (!may_go_on(n.error().code) || ++failures_ > policy_.tries_max) co_return pass(std::move(n));
    const std::int64_t wait = std::max(policy_.first_pause_ms << (failures_ - 1), n.error().retry_after_ms);
    if (auto paused = co_await pause_->pause(wait); !paused) co_return pass(std::move(paused));
    ++resumed_;
  }
  co_return filled;
}

}  // namespace longshore::engine
