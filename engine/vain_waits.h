#pragma once

// How long a look may go on asking registries that let it wait: what is refused at once costs nothing, but one that
// lists its tags and lets everything else time out, or a proxy that does so for it, would be waited for by the day. So
// would one that answers at once, and asks to be left alone each time.
//
// answered() is told each answer, failed() each failure, which tells how long it was waited for, and which pause the
// registry asked for; too_many() once more were waited for in vain than the answers speak for. What is asked a second
// time counts once: go_back() to the count() from before. Pure.

#include <cstdint>

#include "storage/env/result.h"

namespace longshore::engine {

class vain_waits {
 public:
  static constexpr std::uint64_t least = 60;  // and one more for each so many answers
  static constexpr std::uint64_t answers_for_one = 50;
  static constexpr std::int64_t is_long_us = 5'000'000;

  void answered() { ++answered_; }
  void failed(const error& why) {
    const bool asked_for_a_pause = why.code == errc::throttled || why.retry_after_ms >= is_long_us / 1'000;
    if (why.code == errc::timed_out || why.waited_us >= is_long_us || asked_for_a_pause) ++count_;
  }
  std::uint64_t answers() const { return answered_; }
  std::uint64_t count() const { return count_; }
  void go_back(std::uint64_t to) { count_ = to; }
  bool too_many() const { return count_ >= least + answered_ / answers_for_one; }

 private:
  std::uint64_t count_ = 0, answered_ = 0;
};

}  // namespace longshore::engine
