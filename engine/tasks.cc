#include "engine/tasks.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "storage/env/ensure.h"

namespace longshore::engine {

namespace asio = boost::asio;

asio::awaitable<void> run_all(std::vector<asio::awaitable<void>> bodies) {
  if (bodies.empty()) co_return;
  const auto on = co_await asio::this_coro::executor;
  const auto started = [&on](asio::awaitable<void> body) {
    return asio::co_spawn(on, std::move(body), asio::deferred);
  };
  std::vector<decltype(started(std::move(bodies.front())))> operations;
  operations.reserve(bodies.size());
  for (auto& body : bodies) operations.push_back(started(std::move(body)));
  bodies.clear();
  auto [order, failures] = co_await asio::experimental::make_parallel_group(std::move(operations))
                               .async_wait(asio::experimental::wait_for_all(), asio::use_awaitable);
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

namespace {

bool is_cancellation(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void task_group::spawn(asio::awaitable<void> body) {
  const auto place = live_.emplace(live_.end());
  asio::co_spawn(on_, std::move(body),
                 asio::bind_cancellation_slot(place->slot(), [this, place](const std::exception_ptr& thrown) {
                   ensure(!thrown || is_cancellation(thrown), "a coroutine of a task group threw");
                   live_.erase(place);
                   if (live_.empty()) idle_.notify_all();
                 }));
}

void task_group::cancel() {
  // A cancelled coroutine may end within emit() and leave the list.
  for (auto at = live_.begin(); at != live_.end();) {
    auto& signal = *at++;
    signal.emit(asio::cancellation_type::terminal);
  }
}

asio::awaitable<void> task_group::join() {
  while (!live_.empty()) co_await idle_.wait();
}

}  // namespace longshore::engine
