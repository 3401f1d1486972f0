#pragma once

// An alarm whose time stands still until a test moves it; and limits on it.
//
// advance() rings on the way, at the times that were set. Must be used on the io_context's thread.

#include <memory>
#include <optional>

#include "api/host_limits.h"
#include "scripted_server.h"

namespace longshore::tests {

struct manual_time {
  std::int64_t now_us = 5'000'000;
  std::optional<std::int64_t> due_us;
  std::function<void()> ring;

  void advance(std::int64_t us) {
    const std::int64_t end = now_us + us;
    while (due_us && *due_us <= end) {
      now_us = std::max(now_us, *due_us);
      due_us.reset();
      ring();
    }
    now_us = end;
  }
};

class manual_alarm final : public api::alarm {
 public:
  explicit manual_alarm(std::shared_ptr<manual_time> time) : time_(std::move(time)) {}
  void on_ring(std::function<void()> ring) override { time_->ring = std::move(ring); }
  std::int64_t now_us() const override { return time_->now_us; }
  void set(std::int64_t after_us) override { time_->due_us = time_->now_us + after_us; }
  void cancel() override { time_->due_us.reset(); }

 private:
  std::shared_ptr<manual_time> time_;
};

// Everything that can run now does.
inline void settle(asio::io_context& io) {
  io.restart();
  while (io.poll() > 0) {
  }
}

}  // namespace longshore::tests
