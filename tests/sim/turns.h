#pragma once

// An executor whose next step is a die's: of all that is ready to run, one is chosen by the seed.
//
// Nothing runs but within run_one(). abandon() is what a crash does: every suspended coroutine and everything that is
// ready is destroyed, and no code of theirs runs any more but destructors; what those coroutines use must still be
// there. Timers of steady_timer never fire here: they are only told (engine/wait_list.h). One thread.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <memory>

#include "storage/env/random.h"

namespace longshore::sim {

class turns {
 public:
  class executor {
   public:
    explicit executor(turns& of) : of_(&of) {}
    boost::asio::execution_context& query(boost::asio::execution::context_t) const noexcept { return *of_->timers_; }
    static constexpr boost::asio::execution::blocking_t::never_t query(boost::asio::execution::blocking_t) noexcept {
      return boost::asio::execution::blocking.never;
    }
    template <class F>
    void execute(F f) const {
      if (!of_->abandoned_) of_->ready_.emplace_back(std::move(f));
    }
    bool operator==(const executor&) const noexcept = default;

   private:
    turns* of_;
  };

  // in_order: first come, first served, as a real event loop; else any order.
  turns(random_source& random, bool in_order) : random_(&random), in_order_(in_order) {}
  turns(const turns&) = delete;
  turns& operator=(const turns&) = delete;
  ~turns() { abandon(); }

  boost::asio::any_io_executor on() { return executor(*this); }
  bool ready();
  void run_one();                       // only when ready()
  void refuse() { abandoned_ = true; }  // from now on, what is posted is destroyed at once
  void abandon();                       // refuses, and destroys what waits

 private:
  random_source* random_;
  bool in_order_;
  bool abandoned_ = false;
  std::unique_ptr<boost::asio::io_context> timers_ = std::make_unique<boost::asio::io_context>(1);
  std::deque<std::move_only_function<void()>> ready_;
};

}  // namespace longshore::sim
