#pragma once

// Latencies, and what they amount to. add() any number, then ask; at() sorts. One owner.

#include <algorithm>
#include <cstdint>
#include <vector>

namespace longshore::bench {

class percentiles {
 public:
  void reserve(std::size_t n) { values_us_.reserve(n); }
  void add(std::uint32_t us) { values_us_.push_back(us); }
  std::size_t count() const { return values_us_.size(); }
  // In microseconds; 0 when there are none.
  std::uint32_t at(double fraction) {
    if (values_us_.empty()) return 0;
    const auto last = static_cast<double>(values_us_.size() - 1);
    const auto place = values_us_.begin() + static_cast<std::ptrdiff_t>(last * fraction);
    std::nth_element(values_us_.begin(), place, values_us_.end());
    return *place;
  }

 private:
  std::vector<std::uint32_t> values_us_;
};

}  // namespace longshore::bench
