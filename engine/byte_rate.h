#pragma once

// A pace of reading, in bytes per second, shared by all who read at a time.
//
// take() returns when that many bytes may be used, at once where the rate is 0 or was not reached; fails as pauses say
// (engine/pauses.h), after a stop above all. One executor; pause and now must outlive it.

#include <cstddef>
#include <cstdint>

#include "engine/pauses.h"
#include "storage/env/clock.h"

namespace longshore::engine {

class byte_rate {
 public:
  byte_rate(pauses& pause, const clock& now, std::uint64_t per_second)
      : pause_(&pause), now_(&now), per_second_(per_second) {}
  task<> take(std::size_t bytes);

 private:
  pauses* pause_;
  const clock* now_;
  std::uint64_t per_second_;
  std::int64_t free_at_us_ = 0;
};

}  // namespace longshore::engine
