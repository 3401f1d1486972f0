#pragma once

// An HTTP server on a loopback port that says exactly what a test wrote, on the test's own io_context.
//
// Replies are given in order, whatever connection asks; what was asked is kept in `seen`. A request beyond the
// last reply is not answered.

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "api/http_message.h"
#include "storage/env/result.h"

namespace longshore::tests {

namespace asio = boost::asio;

struct seen_request {
  std::string method, target, body;
  api::http_headers headers;
  std::size_t connection = 0;  // counted from 0
  bool in_one_piece = false;   // all of it came with the first read
  std::string header(std::string_view name) const { return std::string(headers.find(name).value_or("")); }
};

struct scripted_reply {
  std::string bytes;
  bool close_after = false;
  bool before_body = false;  // answer (and close) as soon as the head is read
  std::size_t bytewise = 0;  // so many bytes at the end come one by one
};

// A whole response with Content-Length.
std::string response(int status, std::vector<api::http_header> headers = {}, const std::string& body = "");

class scripted_server {
 public:
  explicit scripted_server(asio::io_context& io, asio::ssl::context* tls = nullptr);
  void reply(std::string bytes) {
    replies_.push_back([b = std::move(bytes)](auto&) { return scripted_reply{b}; });
  }
  void reply(scripted_reply r) {
    replies_.push_back([r = std::move(r)](auto&) { return r; });
  }
  void reply(std::function<scripted_reply(const seen_request&)> f) { replies_.push_back(std::move(f)); }

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string address() const { return "127.0.0.1:" + std::to_string(port()); }
  std::string url(const std::string& path = "") const { return (tls_ ? "https://" : "http://") + address() + path; }
  std::size_t connections() const { return connections_; }
  std::size_t unused_replies() const { return replies_.size(); }

  std::vector<seen_request> seen;

 private:
  asio::awaitable<void> accept();
  template <class Stream>
  asio::awaitable<void> serve(Stream stream, std::size_t connection);

  asio::ip::tcp::acceptor acceptor_;
  asio::ssl::context* tls_;
  std::deque<std::function<scripted_reply(const seen_request&)>> replies_;
  std::size_t connections_ = 0;
};

// Runs the coroutine to its end; fails the test when that takes a minute.
void run(asio::io_context& io, asio::awaitable<void> body);
template <class Function>
void run_test(asio::io_context& io, Function body) {
  run(io, body());
}

}  // namespace longshore::tests
