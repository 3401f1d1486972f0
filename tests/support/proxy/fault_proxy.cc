#include "tests/support/proxy/fault_proxy.h"

#include <algorithm>
#include <boost/asio.hpp>
#include <charconv>
#include <stdexcept>

namespace longshore::tests {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t piece_bytes = 256 * 1024;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

// Each line of a head but the first, without its end.
void lines_of(std::string_view head, const std::function<void(std::string_view)>& visit) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos && at + 2 < head.size();) {
    const auto end = head.find("\r\n", at + 2);
    if (end == std::string_view::npos || end == at + 2) break;
    visit(head.substr(at + 2, end - at - 2));
    at = end;
  }
}

std::string header_in(std::string_view head, std::string_view name) {
  std::string found;
  lines_of(head, [&](std::string_view line) {
    const auto colon = line.find(": ");
    if (found.empty() && colon != std::string_view::npos && same(line.substr(0, colon), name)) {
      found = line.substr(colon + 2);
    }
  });
  return found;
}

std::uint64_t number_in(std::string_view text) {
  std::uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n);
  return n;
}

std::string without_connection(std::string_view head, std::string_view added) {
  std::string out(head.substr(0, head.find("\r\n") + 2));
  lines_of(head, [&](std::string_view line) {
    if (!same(line.substr(0, line.find(':')), "Connection")) out.append(line).append("\r\n");
  });
  return out.append(added).append("\r\n");
}

void end(tcp::socket& s, bool orderly) {
  boost::system::error_code ignored;
  if (!orderly) s.set_option(asio::socket_base::linger(true, 0), ignored);
  s.close(ignored);
}

// Until the other side goes away.
asio::awaitable<void> outwait(tcp::socket& s) {
  std::string scrap(1'024, '\0');
  for (;;) {
    auto [ec, n] = co_await s.async_read_some(asio::buffer(scrap), awaited);
    if (ec) co_return;
  }
}

// As outwait(), but reads nothing: to the client the way is full.
asio::awaitable<void> stop_reading(tcp::socket& s) {
  auto [ec] = co_await s.async_wait(tcp::socket::wait_error, awaited);
  static_cast<void>(ec);
}

}  // namespace

std::string http_answer(int status, const std::string& headers, const std::string& body) {
  return "HTTP/1.1 " + std::to_string(status) + " Said\r\n" + headers +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string proxied_request::header(std::string_view name) const { return header_in(head, name); }

fault_proxy::fault_proxy(asio::io_context& io, std::uint16_t server_port)
    : io_(io), server_port_(server_port), acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
  asio::co_spawn(io_, accept(), asio::detached);
}

std::size_t fault_proxy::count(std::string_view method, std::string_view in_target) const {
  return static_cast<std::size_t>(std::ranges::count_if(seen, [&](const proxied_request& r) {
    return (method.empty() || r.method == method) && r.target.find(in_target) != std::string::npos;
  }));
}

std::uint64_t fault_proxy::body_in(std::string_view method, std::string_view in_target) const {
  std::uint64_t sum = 0;
  for (const auto& r : seen) {
    if ((method.empty() || r.method == method) && r.target.find(in_target) != std::string::npos) sum += r.body_in;
  }
  return sum;
}

std::uint64_t fault_proxy::body_out(std::string_view method, std::string_view in_target) const {
  std::uint64_t sum = 0;
  for (const auto& r : seen) {
    if ((method.empty() || r.method == method) && r.target.find(in_target) != std::string::npos) sum += r.body_out;
  }
  return sum;
}

asio::awaitable<void> fault_proxy::accept() {
  for (;;) {
    auto [ec, client] = co_await acceptor_.async_accept(awaited);
    if (ec) co_return;
    client.set_option(tcp::no_delay(true));
    asio::co_spawn(io_, serve(std::move(client)), asio::detached);
  }
}

asio::awaitable<void> fault_proxy::serve(tcp::socket client) {
  std::string in;
  while (co_await one(client, in)) {
  }
}

// Takes the request's body piece by piece. False: the connection has ended.
asio::awaitable<bool> fault_proxy::take_body(tcp::socket& client, std::string& in, const proxy_plan& p, std::size_t n,
                                             std::function<asio::awaitable<void>(std::string_view)> pass_on) {
  std::string piece;
  while (seen[n].body_in < seen[n].length) {
    const std::uint64_t had = seen[n].body_in;
    std::uint64_t wanted = std::min<std::uint64_t>(seen[n].length - had, piece_bytes);
    for (const auto& limit : {p.break_request_at, p.stall_request_at}) {
      if (limit && *limit >= had) wanted = std::min(wanted, *limit - had);
    }
    if (wanted == 0) {
      if (p.stall_request_at) co_await stop_reading(client);
      end(client, p.break_orderly);
      co_return false;
    }
    if (in.empty()) {
      piece.resize(wanted);
      auto [ec, got] = co_await client.async_read_some(asio::buffer(piece), awaited);
      if (ec) co_return false;
      piece.resize(got);
    } else {
      piece = in.substr(0, wanted);
      in.erase(0, wanted);
    }
    seen[n].body_in += piece.size();
    co_await pass_on(piece);
  }
  co_return true;
}

// One request and its answer. False: the connection has ended.
asio::awaitable<bool> fault_proxy::one(tcp::socket& client, std::string& in) {
  auto [ec, head_bytes] = co_await asio::async_read_until(client, asio::dynamic_buffer(in), "\r\n\r\n", awaited);
  if (ec) co_return false;
  proxied_request r;
  r.head = in.substr(0, head_bytes);
  in.erase(0, head_bytes);
  const auto first = r.head.find(' ');
  const auto second = r.head.find(' ', first + 1);
  r.method = r.head.substr(0, first);
  r.target = r.head.substr(first + 1, second - first - 1);
  r.length = number_in(r.header("Content-Length"));
  const std::size_t n = seen.size();
  seen.push_back(r);
  const proxy_plan p = plan ? plan(r) : proxy_plan{};
  if (!p.answer.empty()) {
    if (!p.answer_early) {
      auto forget = [](std::string_view) -> asio::awaitable<void> { co_return; };
      if (!co_await take_body(client, in, p, n, forget)) co_return false;
    }
    seen[n].status = static_cast<int>(number_in(std::string_view(p.answer).substr(9)));
    auto [failed, sent] = co_await asio::async_write(client, asio::buffer(p.answer), awaited);
    if (p.answer_early) {
      client.shutdown(tcp::socket::shutdown_send, failed);
      co_await outwait(client);
    }
    co_return !failed && !p.answer_early;
  }
  tcp::socket server(io_);
  auto [away] = co_await server.async_connect({asio::ip::address_v4::loopback(), server_port_}, awaited);
  if (away) co_return false;
  std::string to_server = without_connection(r.head, "Connection: close\r\n");
  bool held = p.whole_requests;
  if (!held) {
    co_await asio::async_write(server, asio::buffer(to_server), awaited);
    to_server.clear();
  }
  // A server that went away gets no more, but may have left an answer. (A write after a failed one need not end.)
  bool server_takes = true;
  auto pass_on = [&](std::string_view piece) -> asio::awaitable<void> {
    if (held) {
      to_server.append(piece);
    } else if (server_takes) {
      auto [failed, passed] = co_await asio::async_write(server, asio::buffer(piece), awaited);
      server_takes = !failed;
    }
  };
  if (!co_await take_body(client, in, p, n, pass_on)) {
    end(server, p.break_orderly);
    co_return false;
  }
  if (held) co_await asio::async_write(server, asio::buffer(to_server), awaited);
  co_return co_await pass_answer(client, server, p, n);
}

asio::awaitable<bool> fault_proxy::pass_answer(tcp::socket& client, tcp::socket& server, const proxy_plan& p,
                                               std::size_t n) {
  std::string in;
  auto [ec, head_bytes] = co_await asio::async_read_until(server, asio::dynamic_buffer(in), "\r\n\r\n", awaited);
  if (ec) co_return false;
  const std::string head = in.substr(0, head_bytes);
  in.erase(0, head_bytes);
  seen[n].status = static_cast<int>(number_in(std::string_view(head).substr(9)));
  if (p.drop_answer) {
    end(client, false);
    co_return false;
  }
  const auto length = header_in(head, "Content-Length");
  const bool none = seen[n].method == "HEAD" || seen[n].status == 204 || seen[n].status == 304;
  std::uint64_t left = none ? 0 : length.empty() ? UINT64_MAX : number_in(length);
  const std::string to_client = without_connection(head, p.add_to_answer);
  auto [failed, sent] = co_await asio::async_write(client, asio::buffer(to_client), awaited);
  if (failed) co_return false;
  while (left > 0) {
    const std::uint64_t had = seen[n].body_out;
    std::uint64_t wanted = std::min<std::uint64_t>(left, piece_bytes);
    for (const auto& limit : {p.break_answer_at, p.stall_answer_at}) {
      if (limit && *limit >= had) wanted = std::min(wanted, *limit - had);
    }
    if (wanted == 0) {
      if (p.stall_answer_at) co_await outwait(client);
      end(client, p.break_orderly);
      co_return false;
    }
    if (in.empty()) {
      in.resize(wanted);
      auto [ended, got] = co_await server.async_read_some(asio::buffer(in), awaited);
      in.resize(got);
      if (ended) co_return false;  // the end of a body without a length, too
    }
    std::string piece = in.substr(0, wanted);
    in.erase(0, wanted);
    if (p.flip_answer_at && *p.flip_answer_at >= had && *p.flip_answer_at < had + piece.size()) {
      auto& byte = piece[*p.flip_answer_at - had];
      byte = static_cast<char>(byte ^ 1);
    }
    seen[n].body_out += piece.size();
    left -= piece.size();
    auto [gone, passed] = co_await asio::async_write(client, asio::buffer(piece), awaited);
    if (gone) co_return false;
  }
  co_return true;
}

}  // namespace longshore::tests
