#pragma once

// An HTTP/1.1 proxy on a loopback port, between a client under test and a real server, that breaks what it is told to
// break, where it is told to, and counts what went through it.
//
// Each request is shown to the plan before a byte of it is passed on. Bodies with Content-Length only. The server is
// given one connection per request; the client's connection is kept. Runs on the test's io_context; must be destroyed
// before it.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace longshore::tests {

struct proxied_request {
  std::string method, target, head;  // head: with its last empty line
  std::uint64_t length = 0;
  std::uint64_t body_in = 0;                        // bytes of the body that came from the client
  std::uint64_t body_out = 0;                       // bytes of the answer's body that were passed on
  int status = 0;                                   // of the answer
  std::string header(std::string_view name) const;  // empty: not there
};

struct proxy_plan {
  bool whole_requests = false;  // takes all of a request's body before the server sees any of it
  std::optional<std::uint64_t> break_request_at, break_answer_at;  // resets the connection after so many body bytes
  bool break_orderly = false;                                      // closes it instead
  std::optional<std::uint64_t> stall_request_at, stall_answer_at;  // nothing more goes through, until the client leaves
  std::optional<std::uint64_t> flip_answer_at;                     // this byte of the answer's body becomes another
  bool drop_answer = false;   // the server has done its work, and the connection is reset
  std::string answer;         // instead of the server's; after the request's body
  bool answer_early = false;  // before it; then the connection is closed
  std::string add_to_answer;  // header lines, with their ends
};

class fault_proxy {
 public:
  using planner = std::function<proxy_plan(const proxied_request&)>;
  fault_proxy(boost::asio::io_context& io, std::uint16_t server_port);

  std::uint16_t port() const { return acceptor_.local_endpoint().port(); }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port()); }
  planner plan;  // none: everything goes through

  std::vector<proxied_request> seen;
  std::size_t count(std::string_view method, std::string_view in_target = {}) const;
  // Of all requests with this method (empty: any) and this in their target.
  std::uint64_t body_in(std::string_view method, std::string_view in_target = {}) const;
  std::uint64_t body_out(std::string_view method, std::string_view in_target = {}) const;

 private:
  using socket = boost::asio::ip::tcp::socket;
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> serve(socket client);
  boost::asio::awaitable<bool> one(socket& client, std::string& in);
  boost::asio::awaitable<bool> take_body(socket& client, std::string& in, const proxy_plan& p, std::size_t n,
                                         std::function<boost::asio::awaitable<void>(std::string_view)> pass_on);
  boost::asio::awaitable<bool> pass_answer(socket& client, socket& server, const proxy_plan& p, std::size_t n);

  boost::asio::io_context& io_;
  std::uint16_t server_port_;
  boost::asio::ip::tcp::acceptor acceptor_;
};

// A whole answer with Content-Length.
std::string http_answer(int status, const std::string& headers = {}, const std::string& body = {});

}  // namespace longshore::tests
