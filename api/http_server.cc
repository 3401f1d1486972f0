#include "api/http_server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "api/answer_head.h"

namespace longshore::api {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

namespace {

constexpr auto as_value = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};

std::unexpected<error> bad_address(const std::string& address) {
  return fail(errc::invalid, "cannot listen on \"" + printable(address) +
                                 "\": write it as IPv4:port or [IPv6]:port, for example 127.0.0.1:5080");
}

result<tcp::endpoint> to_endpoint(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return bad_address(address);
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  const auto port = to_count(std::string_view(address).substr(colon + 1));
  error_code ec;
  const auto ip = asio::ip::make_address(host, ec);
  if (ec || !port || *port > 65'535) return bad_address(address);
  return tcp::endpoint(ip, static_cast<std::uint16_t>(*port));
}

// Often enough for the shortest limit.
std::chrono::milliseconds tick_for(const http_limits& l) {
  const auto shortest = std::min({l.header_ms_max, l.body_ms_max, l.idle_ms_max, l.write_stall_ms_max});
  return std::clamp(shortest / 8, std::chrono::milliseconds(5), std::chrono::milliseconds(1'000));
}

}  // namespace

http_server::http_server(asio::any_io_executor on, const router& routes, http_server_options options)
    : options_(std::move(options)),
      world_{routes, options_.limits, {}, false},
      acceptor_(on),
      tick_(on),
      pause_(on),
      connections_(on),
      loops_(on) {}

result<std::unique_ptr<http_server>> http_server::listen(asio::any_io_executor on, const router& routes,
                                                         http_server_options options) {
  std::unique_ptr<http_server> server(new http_server(std::move(on), routes, std::move(options)));
  if (auto loaded = server->load_tls(); !loaded) return pass(std::move(loaded));
  if (auto opened = server->open(); !opened) return pass(std::move(opened));
  return server;
}

result<void> http_server::load_tls() {
  if (options_.tls_certificate.empty() && options_.tls_key.empty()) return {};
  using context = asio::ssl::context;
  tls_.emplace(context::tls_server);
  error_code ec;
  tls_->set_options(context::default_workarounds | context::no_sslv2 | context::no_sslv3 | context::no_tlsv1 |
                        context::no_tlsv1_1 | context::single_dh_use,
                    ec);
  if (!ec) tls_->use_certificate_chain_file(options_.tls_certificate.string(), ec);
  if (ec) {
    return fail(errc::invalid, "cannot use the certificate " + options_.tls_certificate.string() + ": " + ec.message() +
                                   "; it must be a PEM file that this user may read");
  }
  tls_->use_private_key_file(options_.tls_key.string(), context::pem, ec);
  if (ec) {
    return fail(errc::invalid, "cannot use the key " + options_.tls_key.string() + ": " + ec.message() +
                                   "; it must be the PEM key of the certificate, without a password");
  }
  return {};
}

result<void> http_server::open() {
  const auto at = to_endpoint(options_.address);
  if (!at) return std::unexpected(at.error());
  error_code ec;
  acceptor_.open(at->protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(*at, ec);
  if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  if (!ec) port_ = acceptor_.local_endpoint(ec).port();
  if (ec) {
    return fail(errc::unavailable,
                "cannot listen on " + options_.address + ": " + ec.message() + "; is another process using the port?");
  }
  return {};
}

void http_server::start() {
  loops_.spawn(accept());
  loops_.spawn(keep_time());
}

asio::awaitable<void> http_server::accept() {
  while (!world_.stopping) {
    auto [ec, socket] = co_await acceptor_.async_accept(as_value);
    if (ec == asio::error::operation_aborted || world_.stopping) co_return;
    if (ec) {  // out of descriptors, mostly: wait for some to come free
      ++world_.counters.accept_failures;
      pause_.expires_after(accept_pause);
      co_await pause_.async_wait(as_value);
      continue;
    }
    ++world_.counters.accepted;
    if (sessions_.size() >= options_.limits.connections_max && !make_room()) {
      turn_away(std::move(socket));
      continue;
    }
    error_code ignored;  // without it answers are merely slower
    socket.set_option(tcp::no_delay(true), ignored);
    connections_.spawn(serve(make_session(std::move(socket), tls_ ? &*tls_ : nullptr, world_)));
  }
}

// Whoever only holds a connection, and never showed a token, gives way: the one that has asked nothing for longest.
bool http_server::make_room() {
  http_session* longest = nullptr;
  for (http_session* s : sessions_) {
    if (s->has_request() || s->trusted() || s->expired()) continue;
    if (longest == nullptr || s->requestless_since() < longest->requestless_since()) longest = s;
  }
  if (longest == nullptr) return false;
  ++world_.counters.evicted;
  longest->expire();
  return true;
}

// Never waits: what does not fit the fresh socket's buffer is not said.
void http_server::turn_away(tcp::socket socket) {
  ++world_.counters.turned_away;
  if (tls_) return;
  answer full = refusal(503, "UNAVAILABLE", "too many connections; try again soon");
  full.headers.emplace_back("Retry-After", "1");
  std::string text;
  render_head(text, full, {body_framing::length, false, 11});
  text += full.body;
  error_code ignored;  // whoever does not get it sees the connection closed
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

asio::awaitable<void> http_server::serve(std::unique_ptr<http_session> s) {
  const auto place = sessions_.insert(sessions_.end(), s.get());
  world_.counters.connections = sessions_.size();
  struct departure {
    http_server* from;
    std::list<http_session*>::iterator place;
    ~departure() {
      from->sessions_.erase(place);
      from->world_.counters.connections = from->sessions_.size();
    }
  } const leaves{this, place};
  co_await s->run();
}

asio::awaitable<void> http_server::keep_time() {
  const auto every = tick_for(options_.limits);
  for (;;) {
    tick_.expires_after(every);
    auto [ec] = co_await tick_.async_wait(as_value);
    if (ec) co_return;
    const auto now = http_session::steady::now();
    for (http_session* s : sessions_) {
      if (s->deadline() > now || s->expired()) continue;
      ++world_.counters.timed_out;
      s->expire();
    }
  }
}

asio::awaitable<void> http_server::stop(std::chrono::milliseconds deadline) {
  using namespace asio::experimental::awaitable_operators;
  world_.stopping = true;
  error_code ignored;  // closing is all that is wanted
  acceptor_.close(ignored);
  pause_.cancel();
  for (http_session* s : sessions_) {
    if (s->idle()) s->expire();
  }
  asio::steady_timer limit(co_await asio::this_coro::executor, deadline);
  co_await (connections_.join() || limit.async_wait(asio::use_awaitable));
  for (http_session* s : sessions_) s->expire();
  connections_.cancel();
  co_await connections_.join();
  tick_.cancel();
  loops_.cancel();
  co_await loops_.join();
}

}  // namespace longshore::api
