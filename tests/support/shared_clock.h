#pragma once

// A clock that stands still until told to move, read from several threads: a sequencer's beside the test's.

#include <atomic>

#include "storage/env/clock.h"

namespace longshore::testing {

class shared_clock final : public clock {
 public:
  explicit shared_clock(timestamp start) : us_(start.us) {}
  timestamp now() const override { return {us_.load()}; }
  void advance_us(std::int64_t us) { us_.fetch_add(us); }
  void set(timestamp t) { us_.store(t.us); }

 private:
  std::atomic<std::int64_t> us_;
};

}  // namespace longshore::testing
