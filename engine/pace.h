#pragma once

// Spreads requests, or bytes, over time: at most so many a second, however many coroutines ask.
//
// turn() resumes when the caller may use that many units: at once where the rate is 0 or was not reached. hold() keeps
// every later turn back, because the registry asked for a pause. errc::stopped when the pauses were. A clock that is
// set back delays nobody by more than five minutes. One executor; pause and now must outlive it, and it its callers.

#include <cstdint>

#include "engine/pauses.h"
#include "storage/env/clock.h"

namespace longshore::engine {

class pace {
 public:
  pace(pauses& pause, const clock& now, double per_second) : pause_(&pause), now_(&now), per_second_(per_second) {}

  task<> turn(std::uint64_t units = 1);
  void hold(std::int64_t ms);

 private:
  pauses* pause_;
  const clock* now_;
  double per_second_;
  std::int64_t next_us_ = 0;
};

}  // namespace longshore::engine
