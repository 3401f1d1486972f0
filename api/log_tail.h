#pragma once

// The log for those who follow it.
//
//   GET /v1/log/events?after=SEQ&max_bytes=N&wait=SECONDS[&follow=1]
//       a page of records after SEQ (omitted: from the first); at the end waits up to wait (60) seconds for one. Binary
//       frames (log_frames.h), application/x-ndjson or text/event-stream by Accept. With follow=1 the answer is a
//       stream without end, with heartbeats; its event_stream form resumes by Last-Event-ID. 409: SEQ is past the log's
//       end, so the asker's history is not this log's.
//   GET /v1/log/checkpoint       {"identity","size","root"} (not signed)
//   GET /v1/log/records/{seq}    one record: JSON, or its stored bytes with Accept: application/octet-stream
//
// Answers name the log in Longshore-Log-Identity and its durable size in Longshore-Log-Size. Only durable records are
// ever sent. Bearer tokens: followers' and administrators'. On the server's executor; the world must outlive its
// sessions.

#include <chrono>
#include <optional>

#include "api/bearer.h"
#include "api/blocking_pool.h"
#include "api/hot_tail.h"
#include "api/router.h"
#include "api/tail_text.h"

namespace longshore::api {

struct log_tail_world {
  const log::event_log& log;
  hot_tail& hot;
  blocking_pool& pool;
  const token_book& readers;
};

struct log_tail_options {
  std::size_t page_bytes = 1u << 20;      // where max_bytes is not given
  std::size_t page_bytes_max = 8u << 20;  // larger ones are cut down to it
  std::chrono::seconds wait_max{60};
  std::chrono::milliseconds heartbeat{10'000};
};

class log_tail {
 public:
  log_tail(log_tail_world world, log_tail_options options) : world_(world), options_(options) {}
  void mount(router& to);

 private:
  struct question {
    event_seq from;
    std::size_t bytes_max = 0;
    std::chrono::milliseconds wait{0};
    bool follow = false;
    tail_form form = tail_form::frames;
  };
  struct page {
    event_seq first;
    std::uint64_t size = 0;
    hash256 root{};
    std::shared_ptr<const std::string> shared;
    std::string own;
    bool empty() const { return size == first.value; }
    std::string_view frames() const { return shared ? *shared : own; }
  };

  result<question> understand(const request& r) const;
  boost::asio::awaitable<void> events(exchange& x);
  boost::asio::awaitable<void> follow(exchange& x, question q);
  boost::asio::awaitable<void> checkpoint(exchange& x);
  boost::asio::awaitable<void> record(exchange& x);
  boost::asio::awaitable<result<page>> read(event_seq from, std::size_t bytes_max);
  boost::asio::awaitable<result<hash256>> root_at(std::uint64_t size);
  // Turns the page's frames into what is sent.
  boost::asio::awaitable<result<void>> render(tail_form form, page& p);
  answer head(tail_form form) const;

  log_tail_world world_;
  log_tail_options options_;
};

}  // namespace longshore::api
