#pragma once

// How fast something may go: tokens flow in at a steady rate, up to a burst, and each piece of work takes its cost out.
//
// take() either takes the whole cost or nothing. A cost above the burst is taken when the bucket is full, and what is
// missing is owed: the next ones wait for it. So over any time t, no more than rate * t + max(burst, largest cost) is
// taken, at whatever times it is asked. Integers throughout: no drift, and the same answers everywhere. Pure: time is
// handed in (microseconds of a clock that never goes back; an earlier time counts as the latest seen).
// Rates and bursts are at most 10^12 (ensured); costs above are counted as 10^12.

#include <cstdint>

namespace longshore::engine {

class token_bucket {
 public:
  static constexpr std::uint64_t most = 1'000'000'000'000;

  // A rate of 0: no limit. What is owed stays owed, what is saved up stays saved up to the new burst; a bucket that
  // had no limit begins full.
  void set(std::int64_t now_us, std::uint64_t per_second, std::uint64_t burst);
  bool limited() const { return rate_ > 0; }
  std::uint64_t per_second() const { return static_cast<std::uint64_t>(rate_); }

  // 0: taken. Else nothing is, and asking again makes sense after so many microseconds.
  std::int64_t take(std::int64_t now_us, std::uint64_t cost);
  // A part of what was taken that was not needed.
  void give_back(std::uint64_t cost);

 private:
  void fill(std::int64_t now_us);

  std::int64_t rate_ = 0;   // tokens a second
  std::int64_t full_ = 0;   // in millionths of a token, as level_ is
  std::int64_t level_ = 0;  // below 0: owed
  std::int64_t at_us_ = 0;
};

}  // namespace longshore::engine
