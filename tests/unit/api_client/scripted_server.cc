#include "scripted_server.h"

#include <gtest/gtest.h>

#include <charconv>
#include <optional>

namespace longshore::tests {

using asio::ip::tcp;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);

std::optional<seen_request> parse(const std::string& head) {
  seen_request r;
  const auto line = head.substr(0, head.find("\r\n"));
  const auto first = line.find(' ');
  const auto second = line.find(' ', first + 1);
  if (second == std::string::npos) return std::nullopt;
  r.method = line.substr(0, first);
  r.target = line.substr(first + 1, second - first - 1);
  for (auto at = head.find("\r\n") + 2; at < head.size();) {
    const auto end = head.find("\r\n", at);
    const auto colon = head.find(": ", at);
    if (end == at || end == std::string::npos || colon == std::string::npos) break;
    r.headers.add(head.substr(at, colon - at), head.substr(colon + 2, end - colon - 2));
    at = end + 2;
  }
  return r;
}

}  // namespace

std::string response(int status, std::vector<api::http_header> headers, const std::string& body) {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " Said\r\n";
  for (const auto& h : headers) out += h.name + ": " + h.value + "\r\n";
  return out + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

scripted_server::scripted_server(asio::io_context& io, asio::ssl::context* tls)
    : acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)), tls_(tls) {
  asio::co_spawn(io, accept(), asio::detached);
}

asio::awaitable<void> scripted_server::accept() {
  for (;;) {
    auto [ec, socket] = co_await acceptor_.async_accept(awaited);
    if (ec) co_return;
    const auto n = connections_++;
    auto executor = acceptor_.get_executor();
    if (tls_ == nullptr) {
      asio::co_spawn(executor, serve(std::move(socket), n), asio::detached);
    } else {
      auto handshake = [](scripted_server* self, tcp::socket s, std::size_t c) -> asio::awaitable<void> {
        asio::ssl::stream<tcp::socket> stream(std::move(s), *self->tls_);
        auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server, awaited);
        if (!failed) co_await self->serve(std::move(stream), c);
      };
      asio::co_spawn(executor, handshake(this, std::move(socket), n), asio::detached);
    }
  }
}

template <class Stream>
asio::awaitable<void> scripted_server::serve(Stream stream, std::size_t connection) {
  std::string in;
  for (;;) {
    auto [ec, n] = co_await asio::async_read_until(stream, asio::dynamic_buffer(in), "\r\n\r\n", awaited);
    if (ec) co_return;
    auto request = parse(in.substr(0, n));
    in.erase(0, n);
    if (!request) co_return;
    request->connection = connection;
    const bool early = !replies_.empty() && replies_.front()(*request).before_body;
    std::size_t length = 0;
    const auto told = request->header("Content-Length");
    std::from_chars(told.data(), told.data() + told.size(), length);
    request->in_one_piece = in.size() >= length;
    if (!early && in.size() < length) {
      auto [failed, more] = co_await asio::async_read(stream, asio::dynamic_buffer(in),
                                                      asio::transfer_exactly(length - in.size()), awaited);
      if (failed) co_return;
    }
    if (!early) {
      request->body = in.substr(0, length);
      in.erase(0, length);
    }
    seen.push_back(*request);
    if (replies_.empty()) continue;
    const auto reply = replies_.front()(*request);
    replies_.pop_front();
    const std::size_t at_once = reply.bytes.size() - reply.bytewise;
    auto [failed, sent] = co_await asio::async_write(stream, asio::buffer(reply.bytes, at_once), awaited);
    if (failed) co_return;
    if (reply.bytewise > 0) stream.lowest_layer().set_option(tcp::no_delay(true));
    for (std::size_t at = at_once; at < reply.bytes.size(); ++at) {
      // Through the reactor: the client, on the same thread, reads what came before.
      for (int turn = 0; turn < 4; ++turn) {
        co_await stream.lowest_layer().async_wait(tcp::socket::wait_write, awaited);
      }
      auto [broken, one] = co_await asio::async_write(stream, asio::buffer(&reply.bytes[at], 1), awaited);
      if (broken) co_return;
    }
    if (reply.close_after) co_return;
  }
}

void run(asio::io_context& io, asio::awaitable<void> body) {
  bool done = false;
  asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
    done = true;
    io.stop();
    if (e) std::rethrow_exception(e);
  });
  io.restart();
  io.run_for(std::chrono::minutes(1));
  ASSERT_TRUE(done) << "the test did not come to its end";
}

}  // namespace longshore::tests
