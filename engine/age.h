#pragma once

// How long ago something was, for what is forgotten or done again after a while.
//
// A time that is still to come was noted before the clock was set back. Nobody knows how long ago that was: it counts
// as older than anything, so that nothing waits for the clock to come round to it again.

#include <cstdint>
#include <limits>

#include "storage/env/clock.h"

namespace longshore::engine {

inline std::int64_t age_us(timestamp of, timestamp now) {
  return of > now ? std::numeric_limits<std::int64_t>::max() : now.us - of.us;
}

}  // namespace longshore::engine
