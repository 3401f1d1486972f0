#include "engine/rate_meter.h"

#include <cmath>

namespace longshore::engine {
namespace {

constexpr std::int64_t window_us = 30'000'000;
constexpr std::int64_t apart_us = 1'000'000;
constexpr double seconds_max = 1e9;  // some thirty years: as good as never

}  // namespace

void rate_meter::sample(timestamp now, std::uint64_t total) {
  if (last_ && (now < last_->at || total < last_->total)) {
    points_.clear();
    has_grown_ = false;
  }
  if (!has_grown_ && !points_.empty() && total > points_.back().total) {
    points_.erase(points_.begin(), points_.end() - 1);
    has_grown_ = true;
  }
  last_ = point{now, total};
  if (points_.empty() || now.us - points_.back().at.us >= apart_us) points_.push_back(*last_);
  while (points_.size() > 2 && now.us - points_[1].at.us >= window_us) points_.pop_front();
}

double rate_meter::per_second() const {
  if (points_.empty()) return 0;
  const std::int64_t us = last_->at.us - points_.front().at.us;
  if (us < apart_us) return 0;
  return static_cast<double>(last_->total - points_.front().total) * 1e6 / static_cast<double>(us);
}

std::optional<std::uint64_t> seconds_left(std::uint64_t open, double per_second) {
  if (open == 0) return 0;
  const double seconds = per_second > 0 ? std::ceil(static_cast<double>(open) / per_second) : seconds_max;
  if (!(seconds < seconds_max)) return std::nullopt;
  return static_cast<std::uint64_t>(seconds);
}

}  // namespace longshore::engine
