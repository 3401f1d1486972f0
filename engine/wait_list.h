#pragma once

// Coroutines of one executor that wait for something to happen. No thread safety: one executor.
//
// wait() resumes after the next notify that reaches it, in order of arrival; between its call and its suspension
// nothing else runs, so no notify is missed. A cancelled wait throws, as every cancelled Asio operation of a coroutine
// does. Must outlive its waiters.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>

namespace longshore::engine {

class wait_list {
 public:
  wait_list() = default;
  wait_list(const wait_list&) = delete;
  wait_list& operator=(const wait_list&) = delete;

  boost::asio::awaitable<void> wait();
  void notify_all();
  bool notify_one();  // false: nobody waits
  std::size_t size() const { return waiters_.size(); }

 private:
  struct waiter {
    boost::asio::steady_timer timer;
    bool told = false;
  };
  std::list<waiter*> waiters_;
};

}  // namespace longshore::engine
