#pragma once

// An HTTP/1.1 server (plain or TLS): accepts, limits, keeps time, stops gracefully.
//
// listen() returns with the port open; connections are taken from start() on. Over connections_max a newcomer takes the
// place of the connection that has idled for longest without ever having shown a token; where there is none it is
// answered 503 and closed. Deadlines of all connections are kept by one coarse timer, so a slow client is dropped
// within an eighth of its limit (at most a second) after it. stop() closes the port, ends idle connections, lets
// running requests be answered until the deadline, then ends those too; it returns when no connection is left, and must
// before destruction (unless the executor never runs again). All verbs are for the executor given, which must run in
// one thread. The router must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <filesystem>
#include <list>
#include <optional>

#include "api/http_session.h"
#include "engine/tasks.h"

namespace longshore::api {

struct http_server_options {
  std::string address = "127.0.0.1:0";             // host:port or [v6]:port; port 0 takes a free one
  std::filesystem::path tls_certificate, tls_key;  // PEM; both or neither
  http_limits limits;
};

class http_server {
 public:
  // errc::invalid for an address or key that cannot be used, errc::unavailable when the port is taken.
  static result<std::unique_ptr<http_server>> listen(boost::asio::any_io_executor on, const router& routes,
                                                     http_server_options options);
  void start();
  boost::asio::awaitable<void> stop(std::chrono::milliseconds deadline);

  std::uint16_t port() const { return port_; }
  const server_counters& counters() const { return world_.counters; }

 private:
  http_server(boost::asio::any_io_executor on, const router& routes, http_server_options options);
  result<void> open();
  result<void> load_tls();
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(std::unique_ptr<http_session> s);
  boost::asio::awaitable<void> keep_time();
  bool make_room();
  void turn_away(boost::asio::ip::tcp::socket socket);

  http_server_options options_;
  session_world world_;
  std::optional<boost::asio::ssl::context> tls_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer tick_, pause_;
  std::uint16_t port_ = 0;
  std::list<http_session*> sessions_;
  engine::task_group connections_, loops_;
};

}  // namespace longshore::api
