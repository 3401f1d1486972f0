#include "engine/request_pace.h"

#include <algorithm>

namespace longshore::engine {
namespace {

// Nobody waits longer for a turn, whatever the clock or the registry says.
constexpr std::int64_t wait_us_max = 300'000'000;
// Timers are not finer than this; turns closer than it share a wake-up.
constexpr std::int64_t grain_us = 1'000;

}  // namespace

task<> request_pace::turn() {
  const std::int64_t now = now_->now().us;
  // A clock that was set back must not stop the work.
  const std::int64_t wait = std::clamp<std::int64_t>(next_us_ - now, 0, wait_us_max);
  next_us_ = now + wait + interval_us_;
  if (wait < grain_us) co_return result<void>();
  co_return co_await pause_->pause(wait / 1'000);
}

void request_pace::hold(std::int64_t ms) {
  const std::int64_t until = now_->now().us + std::clamp<std::int64_t>(ms * 1'000, 0, wait_us_max);
  next_us_ = std::max(next_us_, until);
}

}  // namespace longshore::engine
