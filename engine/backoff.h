#pragma once

// How long to wait before trying again: capped exponential, with jitter so that many do not come back at once.
// Pure but for the random numbers handed in.

#include <cstdint>

#include "storage/env/random.h"

namespace longshore::engine {

struct backoff_policy {
  std::int64_t first_ms = 1'000;
  std::int64_t cap_ms = 300'000;
  std::int64_t retry_after_cap_ms = 3'600'000;  // a peer may ask for more; it is asked again then
};

// attempt counts failures so far, from 1. Between half of and the full first_ms * 2^(attempt-1), at most cap_ms;
// never before the peer's Retry-After (0: none was given).
std::int64_t backoff_ms(const backoff_policy& policy, std::uint64_t attempt, random_source& random,
                        std::int64_t retry_after_ms);

}  // namespace longshore::engine
