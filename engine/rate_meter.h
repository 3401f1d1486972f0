#pragma once

// How fast a growing number grows: over the last half minute, from samples taken now and then. Pure: the time is given.
//
// sample() keeps at most one sample a second; time that goes back, or a number that shrinks (a restart), begins anew.
// per_second() is 0 until two samples stand at least a second apart; what it stood still before it grew for the first
// time is not counted, while the time between two bursts is.

#include <cstdint>
#include <deque>
#include <optional>

#include "storage/env/clock.h"

namespace longshore::engine {

class rate_meter {
 public:
  void sample(timestamp now, std::uint64_t total);
  double per_second() const;

 private:
  struct point {
    timestamp at;
    std::uint64_t total = 0;
  };
  std::deque<point> points_;  // oldest first; one from before the window's start at most
  std::optional<point> last_;
  bool has_grown_ = false;  // since it began, or began anew
};

// Seconds until `open` more are done at this rate; none: never, as far as is known.
std::optional<std::uint64_t> seconds_left(std::uint64_t open, double per_second);

}  // namespace longshore::engine
