#include "engine/pauses.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace longshore::engine {

namespace asio = boost::asio;

task<> timer_pauses::pause(std::int64_t ms) {
  if (stopped_) co_return fail(errc::stopped, "stopping");
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(ms));
  struct place {
    std::list<asio::steady_timer*>* in;
    std::list<asio::steady_timer*>::iterator at;
    ~place() { in->erase(at); }
  } const held{&running_, running_.insert(running_.end(), &timer)};
  const auto [ended] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
  if (stopped_ || ended) co_return fail(errc::stopped, "stopping");
  co_return result<void>();
}

void timer_pauses::stop() {
  stopped_ = true;
  for (asio::steady_timer* timer : running_) timer->cancel();
}

}  // namespace longshore::engine
