#pragma once

// A few threads for what blocks (reads of the database, synced writes), so that the server's executor never does.
//
// run() resumes the caller on its own executor when the work has run; the work may refer to the caller's frame, and is
// not cancelled: a cancelled caller waits for it. Waiting work is bounded by its callers, each of whom has one at a
// time. The destructor runs what is queued and joins. Work must not throw.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <type_traits>

namespace longshore::api {

class blocking_pool {
 public:
  explicit blocking_pool(std::size_t threads) : threads_(threads) {}
  ~blocking_pool() { threads_.join(); }

  template <class Work>
  boost::asio::awaitable<std::invoke_result_t<Work&>> run(Work work) {
    namespace asio = boost::asio;
    std::optional<std::invoke_result_t<Work&>> outcome;
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
        [](auto resume, asio::thread_pool* on, Work* todo, auto* to) {
          auto back = asio::any_io_executor(asio::get_associated_executor(resume));
          auto guard = asio::make_work_guard(back);
          asio::post(*on, [todo, to, guard = std::move(guard), resume = std::move(resume)]() mutable {
            to->emplace((*todo)());
            asio::post(guard.get_executor(), std::move(resume));
          });
        },
        asio::use_awaitable, &threads_, &work, &outcome);
    co_return *std::move(outcome);
  }

 private:
  boost::asio::thread_pool threads_;
};

}  // namespace longshore::api
