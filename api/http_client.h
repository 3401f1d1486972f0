#pragma once

// An HTTP/1.1 client for http and https with a bounded pool of kept connections per host.
//
// send() returns the whole response, open() one whose head has arrived and whose body is read piece by piece,
// upload() a request whose body is written piece by piece. All statuses are answers, not failures; redirects are
// not followed here. A request that met a connection which the server had closed meanwhile is sent once more on a
// fresh one, if nothing of a response had arrived (bodies in memory can be sent again; of a streamed body, only
// while its first piece is being written).
// Time limits are for a lack of progress, never for the whole. Failures: unavailable, timed_out, corrupt,
// too_large, busy, invalid, denied (a forbidden address), stopped (the limits were). One executor only; streams and
// uploads may outlive the client. Whoever opens a stream and, holding it, waits for another of the same host may wait
// for himself: use one client per role.

#include <memory>

#include "api/host_limits.h"
#include "api/http_exchange.h"

namespace longshore::api {

struct http_options {
  std::string user_agent;  // empty: default_user_agent()
  std::string ca_file;     // PEM; empty: the system's authorities
  pool_limits pool;
  milliseconds connect_max{10'000};
  milliseconds stall_max{60'000};
  progress_limits progress;                 // of answers; those to peers, who wait for news, have none
  milliseconds upload_answer_max{600'000};  // a registry may hash and move a large blob before it answers
  std::uint32_t head_bytes_max = 64 * 1024;
  std::shared_ptr<host_limits> limits;  // shared with other clients of the same registry; null: none
};

// "longshore/<version>"
std::string default_user_agent();

// A response whose body is still to be read.
class http_stream {
 public:
  http_stream(http_head head, std::unique_ptr<http_exchange> exchange)
      : head_(std::move(head)), exchange_(std::move(exchange)) {}
  const http_head& head() const { return head_; }
  std::optional<std::uint64_t> content_length() const { return exchange_->content_length(); }
  // At least 1 byte; 0 at the end. The connection is free again at the end.
  task<std::size_t> read(boost::asio::mutable_buffer buffer) { return exchange_->read_body(buffer); }
  // All of the body; when it is over the limit too_large, or unavailable of a refusal: what refuses at such length is
  // no registry.
  task<http_response> read_all(std::size_t bytes_max);

 private:
  http_head head_;
  std::unique_ptr<http_exchange> exchange_;
};

class http_client;
struct http_client_state;  // what streams and uploads keep alive of their client

// A request under way whose body has a length told beforehand.
class http_upload {
 public:
  // Sends all of buffer. conflict: the server has answered before the end; finish() has its answer.
  task<> write(boost::asio::const_buffer buffer);
  // After the last byte: the answer.
  task<http_response> finish(std::size_t bytes_max);

 private:
  friend class http_client;
  http_upload(std::shared_ptr<http_client_state> client, http_request request, std::uint64_t length);
  task<> begin();
  task<> begin_again();
  task<> send(boost::asio::const_buffer piece);
  task<> send_once(boost::asio::const_buffer piece);
  std::shared_ptr<http_client_state> client_;
  http_request request_;
  std::string head_text_;
  std::uint64_t length_, sent_ = 0;
  bool reused_ = false, head_sent_ = false;
  std::unique_ptr<http_exchange> exchange_;
};

class http_client {
 public:
  // errc::invalid when ca_file is not usable.
  static result<std::unique_ptr<http_client>> create(boost::asio::any_io_executor executor, http_options options);
  ~http_client();

  task<http_response> send(http_request request, std::size_t bytes_max);
  task<std::unique_ptr<http_stream>> open(http_request request);
  task<std::unique_ptr<http_upload>> upload(http_request request, std::uint64_t length);

  const http_counters& counters() const;
  boost::asio::any_io_executor executor() const;

 private:
  explicit http_client(std::shared_ptr<http_client_state> s);
  std::shared_ptr<http_client_state> shared_;
};

}  // namespace longshore::api
