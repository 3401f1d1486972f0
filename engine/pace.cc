#include "engine/pace.h"

#include <algorithm>

namespace longshore::engine {
namespace {

// Nobody waits longer for a turn, whatever the clock or the registry says.
constexpr std::int64_t wait_us_max = 300'000'000;
// Timers are not finer than this; turns closer than it share a wake-up.
constexpr std::int64_t grain_us = 1'000;

}  // namespace

task<> pace::turn(std::uint64_t units) {
  const std::int64_t now = now_->now().us;
  // A clock that was set back must not stop the work.
  const std::int64_t wait = std::clamp<std::int64_t>(next_us_ - now, 0, wait_us_max);
  const double cost_us = per_second_ > 0 ? static_cast<double>(units) * 1e6 / per_second_ : 0;
  next_us_ = now + wait + static_cast<std::int64_t>(std::min(cost_us, static_cast<double>(wait_us_max)));
  if (wait < grain_us) co_return result<void>();
  co_return co_await pause_->pause(wait / 1'000);
}

void pace::hold(std::int64_t ms) {
  const std::int64_t until = now_->now().us + std::clamp<std::int64_t>(ms * 1'000, 0, wait_us_max);
  next_us_ = std::max(next_us_, until);
}

}  // namespace longshore::engine
