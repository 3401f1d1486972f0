#include "engine/token_bucket.h"

#include <algorithm>

#include "storage/env/ensure.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t micro = 1'000'000;

std::int64_t in_millionths(std::uint64_t tokens) {
  return static_cast<std::int64_t>(std::min(tokens, token_bucket::most)) * micro;
}

}  // namespace

void token_bucket::set(std::int64_t now_us, std::uint64_t per_second, std::uint64_t burst) {
  ensure(per_second <= most && burst <= most && (per_second == 0 || burst > 0), "a bucket's rate and burst are sane");
  fill(now_us);
  const bool was_limited = limited();
  rate_ = static_cast<std::int64_t>(per_second);
  full_ = in_millionths(burst);
  level_ = was_limited ? std::min(level_, full_) : full_;
  at_us_ = std::max(at_us_, now_us);
}

// A millionth of a token flows in per microsecond and unit of the rate.
void token_bucket::fill(std::int64_t now_us) {
  if (!limited() || now_us <= at_us_) return;
  const std::int64_t elapsed = now_us - at_us_, missing = full_ - level_;
  at_us_ = now_us;
  if (elapsed > missing / rate_) {
    level_ = full_;
  } else {
    level_ += elapsed * rate_;
  }
}

std::int64_t token_bucket::take(std::int64_t now_us, std::uint64_t cost) {
  if (!limited()) return 0;
  fill(now_us);
  const std::int64_t wanted = in_millionths(cost), needed = std::min(wanted, full_);
  if (level_ >= needed) {
    level_ -= wanted;
    return 0;
  }
  return (needed - level_ + rate_ - 1) / rate_;
}

void token_bucket::give_back(std::uint64_t cost) {
  if (!limited()) return;
  const std::int64_t room = full_ - level_;
  level_ += std::min(room, in_millionths(cost));
}

}  // namespace longshore::engine
