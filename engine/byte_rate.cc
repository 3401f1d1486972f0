#include "engine/byte_rate.h"

#include <algorithm>

namespace longshore::engine {

task<> byte_rate::take(std::size_t bytes) {
  if (per_second_ == 0) co_return result<void>();
  const std::int64_t now = now_->now().us;
  const std::int64_t wait_us = std::max<std::int64_t>(free_at_us_ - now, 0);
  free_at_us_ = now + wait_us + static_cast<std::int64_t>(bytes * 1'000'000 / per_second_);
  if (wait_us < 1'000) co_return result<void>();
  co_return co_await pause_->pause(wait_us / 1'000);
}

}  // namespace longshore::engine
