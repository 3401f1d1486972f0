#include "engine/journal.h"

#include <algorithm>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>
#include <optional>

// A completion runs on the sequencer's thread; the caller's coroutine may only be touched on its own executor. Both
// share one record: the completion fills it and posts to the executor, and the handler travels with the post. When
// the executor has been stopped meanwhile, the post and with it the suspended coroutine are destroyed there, with
// the rest of its queue.

namespace longshore::engine {
namespace {

namespace asio = boost::asio;
using outcome = result<log::append_outcome>;

// start(done) submits; what it refuses at once is the outcome.
template <class Start>
asio::awaitable<std::optional<outcome>> completion_of(Start start) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::optional<outcome>)>(
      [](auto handler, Start submit) {
        using handler_type = decltype(handler);
        struct waiting {
          handler_type handler;
          asio::executor_work_guard<asio::any_io_executor> on;
        };
        auto on = asio::any_io_executor(asio::get_associated_executor(handler));
        auto shared = std::make_shared<waiting>(waiting{std::move(handler), asio::make_work_guard(on)});
        auto complete = [](std::shared_ptr<waiting> w, outcome o) {
          auto executor = w->on.get_executor();
          asio::post(executor, [w = std::move(w), o = std::move(o)]() mutable {
            auto h = std::move(w->handler);
            w.reset();
            std::move(h)(std::optional<outcome>(std::move(o)));
          });
        };
        auto accepted = submit([shared, complete](outcome o) { complete(shared, std::move(o)); });
        if (!accepted) complete(std::move(shared), pass(std::move(accepted)));
      },
      asio::use_awaitable, std::move(start));
}

}  // namespace

task<log::append_outcome> append(log::appender& to, std::vector<log::event> events) {
  auto done = co_await completion_of([&to, events = std::move(events)](log::on_appended told) mutable {
    return to.submit(std::move(events), std::move(told));
  });
  co_return *std::move(done);
}

task<log::append_outcome> append_copy(log::appender& to, event_seq first, std::vector<std::string> records,
                                      hash256 root) {
  auto done = co_await completion_of([&to, first, records = std::move(records), root](log::on_appended told) mutable {
    return to.submit_copy(first, std::move(records), root, std::move(told));
  });
  co_return *std::move(done);
}

task<> journal::append(std::vector<log::event> events) {
  if (events.empty()) co_return result<void>();
  for (log::event& e : events) e.origin = site_;
  auto done = co_await engine::append(*to_, std::move(events));
  if (!done) co_return pass(std::move(done), "writing the journal");
  co_return result<void>();
}

task<> journal::append_in_parts(std::vector<log::event> events) {
  constexpr std::size_t part_max = 4'096;
  for (auto from = events.begin(); from != events.end();) {
    const auto to = from + std::min<std::ptrdiff_t>(events.end() - from, part_max);
    std::vector<log::event> part(std::make_move_iterator(from), std::make_move_iterator(to));
    if (auto done = co_await append(std::move(part)); !done) co_return done;
    from = to;
  }
  co_return result<void>();
}

}  // namespace longshore::engine
