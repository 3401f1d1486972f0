#pragma once

// One accepted connection: reads requests, has them answered, writes the answers, until either side has enough.
//
// run() returns when the connection is over; it closes the socket itself. Deadlines are not timers of the session's
// own: it states until when it will wait (deadline), and whoever keeps the sessions calls expire() when that has
// passed. A request that is no HTTP gets 400, a head over the limit 431, a body over its route's limit 413, each
// followed by the end of the connection. Expect: 100-continue is obeyed. One executor; the world must outlive it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "api/router.h"

namespace longshore::api {

struct http_limits {
  std::uint32_t header_bytes_max = 16u << 10;
  std::size_t body_bytes_max = 1u << 20;  // where a route has no limit of its own
  std::size_t connections_max = 1'024;    // beyond, those that ask nothing and showed no token make room; else 503
  std::chrono::milliseconds header_ms_max{10'000};  // from its first byte to the end of the head; also TLS handshake
  std::chrono::milliseconds body_ms_max{30'000};    // from the head to the end of the body
  std::chrono::milliseconds idle_ms_max{120'000};   // between requests
  std::chrono::milliseconds write_stall_ms_max{30'000};  // for a piece of an answer (256 KiB) to be taken
};

// Plain numbers, for the server's executor.
struct server_counters {
  std::uint64_t connections = 0, accepted = 0, turned_away = 0, evicted = 0, timed_out = 0;
  std::uint64_t requests = 0, malformed = 0, too_large = 0, accept_failures = 0, handshake_failures = 0;
};

// What all sessions of a server share.
struct session_world {
  const router& routes;
  http_limits limits;
  server_counters counters;
  bool stopping = false;  // answer what was asked, then end
};

class http_session {
 public:
  using steady = std::chrono::steady_clock;
  virtual ~http_session() = default;
  virtual boost::asio::awaitable<void> run() = 0;
  // Ends whatever it waits for, and with it the session (a handler that runs is not interrupted).
  virtual void expire() = 0;

  steady::time_point deadline() const { return deadline_; }
  bool idle() const { return idle_; }                       // between requests: nobody waits for an answer
  bool has_request() const { return !requestless_since_; }  // a whole request is here, its answer not made yet
  // When it began to be without one: in the handshake, between requests, in the middle of one, when its answer was made
  // and is to be taken, or refused and drained.
  steady::time_point requestless_since() const { return requestless_since_.value_or(steady::time_point::max()); }
  bool trusted() const { return trusted_; }  // one of its requests came with a token that is known here
  bool expired() const { return expired_; }

 protected:
  steady::time_point deadline_ = steady::time_point::max();
  std::optional<steady::time_point> requestless_since_ = steady::now();
  bool idle_ = false, trusted_ = false, expired_ = false;
};

std::unique_ptr<http_session> make_session(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls,
                                           session_world& world);

}  // namespace longshore::api
