#pragma once

// How many connections to use to one host at once: as many as are allowed, until the host shows that it is too much.
//
// Begins with the most that is allowed. Halved, down to the least, when the host is overloaded (429, 503, time-outs,
// broken connections), once per round trip: a failure of a request that was sent before the last halving says nothing
// of the new number. Raised by one per window in which all were in use, none failed, and more was done than in any
// window since the last halving; where more connections do not help it stays, and tries one more after eight windows.
// Pure: time is handed in, in microseconds of a clock that never goes back.

#include <cstdint>

namespace longshore::engine {

struct concurrency_limits {
  std::uint32_t least = 1, most = 16;
};

class concurrency_controller {
 public:
  explicit concurrency_controller(concurrency_limits limits);

  std::uint32_t allowed() const { return allowed_; }
  // Somebody uses the last connection, or waits for one.
  void pressed() { pressed_ = true; }
  // A request that was sent at sent_us has ended well; bytes of its body and its answer's.
  void completed(std::int64_t now_us, std::int64_t sent_us, std::uint64_t bytes);
  // A request that was sent at sent_us met an overloaded host. True: halved.
  bool overloaded(std::int64_t now_us, std::int64_t sent_us);

 private:
  void open_window(std::int64_t now_us);
  void close_window(std::int64_t now_us);

  concurrency_limits limits_;
  std::uint32_t allowed_;
  std::int64_t halved_us_ = INT64_MIN;
  std::int64_t round_trip_us_ = 0;  // smoothed
  std::int64_t window_us_ = INT64_MIN;
  std::uint64_t done_ = 0;  // in this window: bytes, and a share for each request
  std::uint64_t best_ = 0;  // per second, of the windows since the last halving or try
  std::uint32_t held_ = 0;  // windows without gain
  bool pressed_ = false;
};

}  // namespace longshore::engine
