#pragma once

// When a secondary tells its primary how far it is: at each change, and once a minute also without one, so that a
// follower of a log to which nothing comes is not taken for dead. What was tried in vain is tried again as seldom, so
// that a primary that is away is left in peace. Pure: the caller has the clock.

#include <cstdint>
#include <optional>

#include "storage/env/clock.h"

namespace longshore::tools {

class position_report {
 public:
  static constexpr std::int64_t every_us = 60'000'000;

  bool is_due(std::uint64_t size, timestamp now) const {
    if (size == reported_ && !is_old(at_, now)) return false;
    return size != tried_ || is_old(tried_at_, now);
  }
  // Before each try, whatever becomes of it.
  void tried(std::uint64_t size, timestamp now) {
    tried_ = size;
    tried_at_ = now;
  }
  void taken(std::uint64_t size, timestamp now) {
    reported_ = size;
    at_ = now;
  }
  // What the primary was told last; none: nothing yet.
  const std::optional<std::uint64_t>& last() const { return reported_; }

 private:
  static bool is_old(timestamp at, timestamp now) {
    const std::int64_t age_us = now.us - at.us;
    return age_us >= every_us || age_us < 0;  // below 0: the clock was set back
  }

  std::optional<std::uint64_t> reported_, tried_;
  timestamp at_, tried_at_;
};

}  // namespace longshore::tools
