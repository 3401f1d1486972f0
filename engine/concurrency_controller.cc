#include "engine/concurrency_controller.h"

#include <algorithm>
#include <utility>

#include "storage/env/ensure.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t window_min_us = 200'000, window_max_us = 10'000'000;
constexpr std::uint64_t request_share = 16 * 1024;  // what a small request counts beside the bytes
constexpr std::uint32_t patience = 8;               // windows

}  // namespace

concurrency_controller::concurrency_controller(concurrency_limits limits) : limits_(limits), allowed_(limits.most) {
  ensure(limits_.least > 0 && limits_.least <= limits_.most, "concurrency has room between its limits");
}

void concurrency_controller::open_window(std::int64_t now_us) {
  window_us_ = now_us;
  done_ = 0;
  pressed_ = false;
}

void concurrency_controller::completed(std::int64_t now_us, std::int64_t sent_us, std::uint64_t bytes) {
  const std::int64_t took = std::max<std::int64_t>(1, now_us - sent_us);
  round_trip_us_ = round_trip_us_ == 0 ? took : round_trip_us_ + (took - round_trip_us_) / 8;
  if (window_us_ == INT64_MIN) open_window(now_us);
  done_ += bytes + request_share;
  const std::int64_t window = std::clamp(2 * round_trip_us_, window_min_us, window_max_us);
  if (now_us - window_us_ >= window) close_window(now_us);
}

void concurrency_controller::close_window(std::int64_t now_us) {
  const auto elapsed = static_cast<std::uint64_t>(now_us - window_us_);
  const std::uint64_t speed = done_ * 1'000 / std::max<std::uint64_t>(1, elapsed / 1'000);
  const bool full = pressed_;
  open_window(now_us);
  if (!full || allowed_ == limits_.most) return;
  const bool faster = speed > best_ + best_ / 50;
  if (!faster && ++held_ < patience) return;
  best_ = speed;
  held_ = 0;
  ++allowed_;
}

bool concurrency_controller::overloaded(std::int64_t now_us, std::int64_t sent_us) {
  if (sent_us <= halved_us_) return false;
  halved_us_ = now_us;
  best_ = 0;
  held_ = 0;
  open_window(now_us);
  const std::uint32_t before = std::exchange(allowed_, std::max(limits_.least, allowed_ / 2));
  return allowed_ < before;
}

}  // namespace longshore::engine
