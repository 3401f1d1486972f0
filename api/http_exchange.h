#pragma once

// One request and its response over a leased connection (RFC 9112).
//
// Order: send_head() (the body's beginning goes with it, in one write where nothing paces it), send_body() as often as
// needed, read_head(), read_body() until 0. With the last byte of the body the lease ends: the connection is kept
// where the server allows it, else closed. Destroyed earlier, the connection is closed. A truncated body is
// unavailable, a malformed response corrupt, an oversized head unavailable, an answer that comes too slowly timed_out.
// 1xx responses are passed over, at most eight. Where the host has limits (not null), bodies go at their pace, and they
// are told how it went; tell_broken() is for the caller, who knows whether a failure was the host's.

#include <memory>

#include "api/connection_pool.h"
#include "api/least_progress.h"

namespace longshore::api {

class http_exchange {
 public:
  http_exchange(connection_lease lease, std::shared_ptr<http_counters> counters, std::shared_ptr<host_limits> limits,
                const http_request& request, milliseconds stall_max, progress_limits progress,
                std::uint32_t head_bytes_max);
  ~http_exchange();

  task<> send_head(std::string text, boost::asio::const_buffer body);
  task<> send_body(boost::asio::const_buffer buffer);
  task<http_head> read_head(milliseconds wait_max);
  task<std::size_t> read_body(boost::asio::mutable_buffer buffer);

  // The body's length where the head told it.
  std::optional<std::uint64_t> content_length() const;
  bool response_started() const { return response_started_; }
  // On a plain connection: the server already answers (or closed).
  bool answer_waiting() const;
  // Gives up this exchange but not its slot.
  connection_lease take_lease();
  void tell_broken(errc why) const;

 private:
  struct response;
  task<> send(std::array<boost::asio::const_buffer, 2> buffers);
  task<std::size_t> read_any(boost::asio::mutable_buffer buffer);
  task<std::size_t> read_paced(boost::asio::mutable_buffer buffer);
  void count_in(std::size_t n);
  std::chrono::microseconds now() const;
  task<std::size_t> receive(boost::asio::mutable_buffer buffer);
  task<std::size_t> fill();
  task<std::size_t> read_counted(boost::asio::mutable_buffer buffer);
  task<std::size_t> read_parsed(boost::asio::mutable_buffer buffer);
  void finish();

  connection_lease lease_;
  std::shared_ptr<http_counters> counters_;
  std::shared_ptr<host_limits> limits_;
  request_kind kind_;
  traffic lane_;
  std::int64_t sent_us_ = 0;      // by the limits' time
  std::uint64_t body_bytes_ = 0;  // either way
  bool to_head_request_;
  url from_;
  milliseconds stall_max_;
  progress_limits progress_;
  least_progress progressed_{progress_};
  std::uint32_t head_bytes_max_;
  std::unique_ptr<response> response_;
  bool response_started_ = false;
  bool done_ = false;
  bool overloaded_ = false;  // the answer is 429 or 503
};

}  // namespace longshore::api
