#pragma once

// How long something took, counted in fixed buckets. Plain numbers; one owner.

#include <array>
#include <chrono>
#include <cstdint>

namespace longshore::api {

class latency_histogram {
 public:
  // Upper bounds, in microseconds; the last bucket has none.
  static constexpr std::array<std::int64_t, 13> bounds_us{100,    250,    500,     1'000,   2'500,   5'000,    10'000,
                                                          25'000, 50'000, 100'000, 250'000, 500'000, 1'000'000};

  void add(std::chrono::nanoseconds took) {
    const std::int64_t us = took.count() / 1'000;
    std::size_t i = 0;
    while (i < bounds_us.size() && us > bounds_us[i]) ++i;
    ++counts_[i];
    sum_us_ += static_cast<std::uint64_t>(us < 0 ? 0 : us);
    ++count_;
  }
  const std::array<std::uint64_t, bounds_us.size() + 1>& counts() const { return counts_; }
  std::uint64_t count() const { return count_; }
  std::uint64_t sum_us() const { return sum_us_; }

 private:
  std::array<std::uint64_t, bounds_us.size() + 1> counts_{};
  std::uint64_t count_ = 0, sum_us_ = 0;
};

}  // namespace longshore::api
