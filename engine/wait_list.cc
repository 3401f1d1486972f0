#include "engine/wait_list.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

namespace longshore::engine {

namespace asio = boost::asio;

asio::awaitable<void> wait_list::wait() {
  waiter self{asio::steady_timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max())};
  struct place {
    std::list<waiter*>* in;
    std::list<waiter*>::iterator at;
    const waiter* who;
    ~place() {
      if (!who->told) in->erase(at);
    }
  } const held{&waiters_, waiters_.insert(waiters_.end(), &self), &self};
  co_await self.timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (!self.told) throw boost::system::system_error(asio::error::operation_aborted);
}

bool wait_list::notify_one() {
  if (waiters_.empty()) return false;
  waiter* first = waiters_.front();
  waiters_.pop_front();
  first->told = true;
  first->timer.cancel();
  return true;
}

void wait_list::notify_all() {
  while (notify_one()) {
  }
}

}  // namespace longshore::engine
