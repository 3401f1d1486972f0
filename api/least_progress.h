#pragma once

// Whether an answer comes at all: so many bytes in each window of the time that was spent waiting for them, or it has
// stalled. A sender of a byte now and then never meets a time limit that each byte sets back.
//
// What else holds the reader back (a pace of its own, a slow target) is no waiting, and not the sender's fault.

#include <chrono>
#include <cstdint>

namespace longshore::api {

struct progress_limits {
  std::chrono::milliseconds window{60'000};
  std::uint64_t bytes_per_second_min = 1'024;  // 0: however slow
};

class least_progress {
 public:
  explicit least_progress(progress_limits limits) : limits_(limits) {}

  // So many bytes came after so much waiting. False: too little came in a window that is over.
  bool came(std::size_t bytes, std::chrono::microseconds waited) {
    waited_ += waited;
    bytes_ += bytes;
    if (waited_ < limits_.window) return true;
    const auto window_ms = static_cast<std::uint64_t>(limits_.window.count());
    const bool enough = bytes_ >= limits_.bytes_per_second_min * window_ms / 1'000;
    waited_ = {};
    bytes_ = 0;
    return enough;
  }

 private:
  progress_limits limits_;
  std::chrono::microseconds waited_{0};
  std::uint64_t bytes_ = 0;
};

}  // namespace longshore::api
