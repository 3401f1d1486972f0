#pragma once

// A client that says exactly what it is told to, and takes apart what comes back. Blocks; a broken connection throws.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <map>
#include <string>
#include <string_view>

namespace longshore::api {

struct raw_answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
};

class raw_client {
 public:
  explicit raw_client(std::uint16_t port);
  void send(std::string_view bytes);
  // One answer with a Content-Length (or none: no body); head_only for the answer to HEAD.
  raw_answer receive(bool head_only = false);
  raw_answer ask(std::string_view bytes);
  // Everything until the server closes.
  std::string rest();
  // Of a chunked answer: its head, then piece by piece. An empty piece is the end.
  raw_answer receive_head();
  std::string receive_chunk();

 private:
  std::string line();
  void need(std::size_t bytes);

  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  std::string held_;
};

std::string get(std::string_view target, std::string_view token, std::string_view more_headers = {});
std::string post(std::string_view target, std::string_view token, std::string_view body,
                 std::string_view content_type = "application/vnd.docker.distribution.events.v1+json",
                 std::string_view method = "POST");

}  // namespace longshore::api
