#pragma once

// Spreads requests over time: at most so many a second, however many coroutines ask.
//
// turn() resumes when the caller may send one request; hold() keeps every later turn back, because the registry asked
// for a pause. errc::stopped when the pauses were. One executor; must outlive its callers.

#include "engine/pauses.h"
#include "storage/env/clock.h"

namespace longshore::engine {

class request_pace {
 public:
  request_pace(pauses& pause, const clock& now, double per_second)
      : pause_(&pause), now_(&now), interval_us_(per_second > 0 ? static_cast<std::int64_t>(1e6 / per_second) : 0) {}

  task<> turn();
  void hold(std::int64_t ms);

 private:
  pauses* pause_;
  const clock* now_;
  std::int64_t interval_us_;
  std::int64_t next_us_ = 0;
};

}  // namespace longshore::engine
