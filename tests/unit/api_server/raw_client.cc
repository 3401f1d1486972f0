#include "tests/unit/api_server/raw_client.h"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

namespace longshore::api {

namespace asio = boost::asio;

raw_client::raw_client(std::uint16_t port) : socket_(io_) { socket_.connect({asio::ip::address_v4::loopback(), port}); }

void raw_client::send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }

void raw_client::need(std::size_t bytes) {
  std::array<char, 65'536> piece;
  while (held_.size() < bytes) held_.append(piece.data(), socket_.read_some(asio::buffer(piece)));
}

std::string raw_client::line() {
  std::size_t end = 0;
  while ((end = held_.find("\r\n")) == std::string::npos) need(held_.size() + 1);
  std::string text = held_.substr(0, end);
  held_.erase(0, end + 2);
  return text;
}

raw_answer raw_client::receive_head() {
  raw_answer a;
  const std::string status = line();
  if (!status.starts_with("HTTP/1.1 ")) throw std::runtime_error("not a status line: " + status);
  a.status = std::stoi(status.substr(9));
  for (std::string h = line(); !h.empty(); h = line()) {
    const std::size_t colon = h.find(": ");
    std::string name = h.substr(0, colon);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    a.headers[name] = h.substr(colon + 2);
  }
  return a;
}

raw_answer raw_client::receive(bool head_only) {
  raw_answer a = receive_head();
  if (head_only || !a.headers.contains("content-length")) return a;
  const std::size_t size = std::stoul(a.headers.at("content-length"));
  need(size);
  a.body = held_.substr(0, size);
  held_.erase(0, size);
  return a;
}

std::string raw_client::receive_chunk() {
  const std::size_t size = std::stoul(line(), nullptr, 16);
  need(size + 2);
  std::string piece = held_.substr(0, size);
  held_.erase(0, size + 2);
  return piece;
}

raw_answer raw_client::ask(std::string_view bytes) {
  send(bytes);
  return receive();
}

std::string raw_client::rest() {
  boost::system::error_code ec;
  std::array<char, 65'536> piece;
  for (;;) {
    const std::size_t n = socket_.read_some(asio::buffer(piece), ec);
    held_.append(piece.data(), n);
    if (ec) return std::exchange(held_, {});
  }
}

std::string get(std::string_view target, std::string_view token, std::string_view more_headers) {
  std::string text = "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
  if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
  return text.append(more_headers).append("\r\n");
}

std::string post(std::string_view target, std::string_view token, std::string_view body, std::string_view content_type,
                 std::string_view method) {
  std::string text = std::string(method) + " " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n";
  if (!token.empty()) text.append("Authorization: ").append(token).append("\r\n");
  text.append("Content-Type: ").append(content_type).append("\r\nContent-Length: ");
  return text.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
}

}  // namespace longshore::api
