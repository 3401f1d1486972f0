#include "engine/backoff.h"

#include <algorithm>

namespace longshore::engine {

std::int64_t backoff_ms(const backoff_policy& policy, std::uint64_t attempt, random_source& random,
                        std::int64_t retry_after_ms) {
  std::int64_t full = std::min(policy.first_ms, policy.cap_ms);
  for (std::uint64_t n = 1; n < attempt && full < policy.cap_ms; ++n) full = std::min(full * 2, policy.cap_ms);
  const std::int64_t half = full / 2;
  const auto jitter = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(full - half) + 1));
  return std::max(half + jitter, std::clamp<std::int64_t>(retry_after_ms, 0, policy.retry_after_cap_ms));
}

}  // namespace longshore::engine
