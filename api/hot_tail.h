#pragma once

// The newest records of a log, held in memory in the form in which they are sent, so that followers at its end cost no
// reads; and the place where those wait for more.
//
// What a commit made durable is here, and waiters are woken, as soon as the executor gets to it; it is never ahead of
// the log. Held are the newest whole commits, about bytes_max bytes; what is older must be read from the log. attach()
// before the sequencer's first submission. All other verbs are for the executor's one thread. The sequencer may tell of
// commits after this is gone: they are passed over. The log must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "log/event_log.h"
#include "log/sequencer.h"

namespace longshore::api {

// Consecutive records as frames (log_frames.h): `shared` when they are one whole commit, else `own`.
struct hot_page {
  std::uint64_t size = 0;  // seq of the first record after the page
  std::shared_ptr<const std::string> shared;
  std::string own;
};

class hot_tail : public std::enable_shared_from_this<hot_tail> {
 public:
  static std::shared_ptr<hot_tail> create(boost::asio::any_io_executor on, const log::event_log& log,
                                          std::size_t bytes_max);
  void attach(log::sequencer& to);

  // Records held are [first(), end()).
  std::uint64_t first() const { return commits_.empty() ? end_ : commits_.front().first; }
  std::uint64_t end() const { return end_; }
  std::size_t held_bytes() const { return held_bytes_; }

  // Records from `from` on, by the same rule as event_log::read; none when `from` is not held.
  std::optional<hot_page> read(event_seq from, std::size_t bytes_max) const;
  // The Merkle root where a held commit ends, read once; none for any other size.
  std::optional<result<hash256>> root_at(std::uint64_t size);

  // Resumes when the log is longer than size, at the deadline, or when closed; true in the first case.
  boost::asio::awaitable<bool> wait_beyond(std::uint64_t size, std::chrono::steady_clock::time_point deadline);
  // Wakes all who wait, for good: the server stops.
  void close();
  bool closed() const { return closed_; }
  std::size_t waiting() const { return waiters_.size(); }

 private:
  struct commit {
    std::uint64_t first = 0;
    std::vector<std::uint32_t> ends;  // of each record's frame
    std::shared_ptr<const std::string> frames;
    std::optional<hash256> root;
    std::uint64_t size() const { return first + ends.size(); }
    std::size_t held_bytes() const { return frames->size() + ends.size() * sizeof(std::uint32_t); }
  };
  struct waiter {
    boost::asio::steady_timer timer;
  };

  hot_tail(boost::asio::any_io_executor on, const log::event_log& log, std::size_t bytes_max);
  void push(const log::committed& made);
  void wake();
  std::size_t index_of(std::uint64_t seq) const;

  boost::asio::any_io_executor on_;
  const log::event_log* log_;
  std::size_t bytes_max_;
  std::deque<commit> commits_;
  std::uint64_t end_;
  std::size_t held_bytes_ = 0;
  std::list<waiter*> waiters_;
  bool closed_ = false;
};

}  // namespace longshore::api
