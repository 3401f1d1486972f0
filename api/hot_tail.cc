#include "api/hot_tail.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/log_frames.h"

namespace longshore::api {

namespace asio = boost::asio;

std::shared_ptr<hot_tail> hot_tail::create(asio::any_io_executor on, const log::event_log& log, std::size_t bytes_max) {
  return std::shared_ptr<hot_tail>(new hot_tail(std::move(on), log, bytes_max));
}

hot_tail::hot_tail(asio::any_io_executor on, const log::event_log& log, std::size_t bytes_max)
    : on_(std::move(on)), log_(&log), bytes_max_(bytes_max), end_(log.durable_size()) {}

void hot_tail::attach(log::sequencer& to) {
  to.subscribe([on = on_, weak = weak_from_this()](const log::committed& made) {
    asio::post(on, [weak, made] {
      if (const auto self = weak.lock()) self->push(made);
    });
  });
}

void hot_tail::push(const log::committed& made) {
  if (!made.records || made.records->empty()) return;
  if (made.first.value != end_) {  // records came that were not told of: what is held is no longer the end
    commits_.clear();
    held_bytes_ = 0;
  }
  commit c;
  c.first = made.first.value;
  std::size_t bytes = 0;
  for (const std::string& record : *made.records) bytes += record.size() + log_frame_head_bytes;
  std::string frames;
  frames.reserve(bytes);
  c.ends.reserve(made.records->size());
  for (const std::string& record : *made.records) {
    append_record_frame(frames, record);
    c.ends.push_back(static_cast<std::uint32_t>(frames.size()));
  }
  c.frames = std::make_shared<const std::string>(std::move(frames));
  end_ = c.size();
  held_bytes_ += c.held_bytes();
  commits_.push_back(std::move(c));
  while (commits_.size() > 1 && held_bytes_ > bytes_max_) {
    held_bytes_ -= commits_.front().held_bytes();
    commits_.pop_front();
  }
  wake();
}

std::size_t hot_tail::index_of(std::uint64_t seq) const {
  const auto after = std::ranges::upper_bound(commits_, seq, {}, &commit::first);
  return static_cast<std::size_t>(after - commits_.begin()) - 1;
}

std::optional<hot_page> hot_tail::read(event_seq from, std::size_t bytes_max) const {
  if (from.value < first() || from.value >= end_) return std::nullopt;
  hot_page page;
  std::size_t bytes = 0;
  bool full = false;
  page.size = from.value;
  for (std::size_t i = index_of(from.value); i < commits_.size() && !full; ++i) {
    const commit& c = commits_[i];
    const std::size_t skipped = page.size - c.first;
    const std::size_t begin = skipped == 0 ? 0 : c.ends[skipped - 1];
    std::size_t taken = skipped;
    for (; taken < c.ends.size() && !full; ++taken) {
      const std::size_t record = c.ends[taken] - (taken == 0 ? 0 : c.ends[taken - 1]) - log_frame_head_bytes;
      if (page.size + taken - skipped > from.value && bytes + record > bytes_max) {
        full = true;
        break;
      }
      bytes += record;
      full = bytes >= bytes_max;
    }
    page.size = c.first + taken;
    const bool whole = skipped == 0 && taken == c.ends.size();
    if (whole && page.own.empty() && !page.shared) {
      page.shared = c.frames;
      continue;
    }
    if (taken == skipped) break;
    if (page.shared) page.own = *std::exchange(page.shared, nullptr);
    page.own.append(*c.frames, begin, c.ends[taken - 1] - begin);
  }
  return page;
}

std::optional<result<hash256>> hot_tail::root_at(std::uint64_t size) {
  if (size <= first() || size > end_) return std::nullopt;
  commit& c = commits_[index_of(size - 1)];
  if (c.size() != size) return std::nullopt;
  if (!c.root) {
    auto read = log_->root_at(size);
    if (!read) return read;
    c.root = *read;
  }
  return result<hash256>(*c.root);
}

asio::awaitable<bool> hot_tail::wait_beyond(std::uint64_t size, std::chrono::steady_clock::time_point deadline) {
  const auto self = shared_from_this();
  while (end_ <= size && !closed_) {
    waiter me{asio::steady_timer(co_await asio::this_coro::executor, deadline)};
    struct place {
      std::list<waiter*>* in;
      std::list<waiter*>::iterator at;
      ~place() { in->erase(at); }
    } const held{&waiters_, waiters_.insert(waiters_.end(), &me)};
    auto [ec] = co_await me.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (!ec) break;  // the deadline; otherwise woken (or cancelled, which the next co_await tells)
  }
  co_return end_ > size;
}

void hot_tail::wake() {
  for (waiter* w : waiters_) w->timer.cancel();
}

void hot_tail::close() {
  closed_ = true;
  wake();
}

}  // namespace longshore::api
