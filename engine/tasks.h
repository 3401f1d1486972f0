#pragma once

// Running coroutines beside each other without losing any of them.
//
// run_all() resumes when every body has ended, also after a cancellation, which is passed on to each; then it throws
// the first exception that a body threw. Frames may therefore refer to the caller's.
// task_group holds coroutines that live longer than the call that started them: each is counted until it has ended;
// cancel() cancels all (terminal), join() waits for none to be left. A body's exception other than cancellation is
// a bug of ours and aborts. The group must outlive its coroutines: cancel and join before it is destroyed.
// One executor; no thread safety.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <list>
#include <vector>

#include "engine/wait_list.h"

namespace longshore::engine {

boost::asio::awaitable<void> run_all(std::vector<boost::asio::awaitable<void>> bodies);

class task_group {
 public:
  explicit task_group(boost::asio::any_io_executor on) : on_(std::move(on)) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  void spawn(boost::asio::awaitable<void> body);
  void cancel();
  boost::asio::awaitable<void> join();
  std::size_t live() const { return live_.size(); }

 private:
  boost::asio::any_io_executor on_;
  std::list<boost::asio::cancellation_signal> live_;
  wait_list idle_;
};

}  // namespace longshore::engine
