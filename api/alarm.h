#pragma once

// Time that never goes back, and being woken when it has come: a seam, so that tests own the time of limits.
//
// One alarm has one owner and one time at which it rings; set() replaces it. Rings on the owner's executor, never from
// within set(). After cancel() or destruction it does not ring.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>

namespace longshore::api {

class alarm {
 public:
  virtual ~alarm() = default;
  // What to do when it rings; said once, before the first set().
  virtual void on_ring(std::function<void()> ring) = 0;
  virtual std::int64_t now_us() const = 0;
  virtual void set(std::int64_t after_us) = 0;
  virtual void cancel() = 0;
};

// Real time.
class steady_alarm final : public alarm {
 public:
  explicit steady_alarm(const boost::asio::any_io_executor& on) : timer_(on) {}
  void on_ring(std::function<void()> ring) override {
    ring_ = std::make_shared<std::function<void()>>(std::move(ring));
  }
  std::int64_t now_us() const override;
  void set(std::int64_t after_us) override;
  void cancel() override { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
  // Shared: a wait that has ended may still be in the executor's queue when this is destroyed.
  std::shared_ptr<std::function<void()>> ring_;
};

}  // namespace longshore::api
