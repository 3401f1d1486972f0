#include "api/connection.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/ssl.hpp>
#include <cerrno>
#include <mutex>
#include <optional>

namespace longshore::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;

namespace {

constexpr auto awaited = asio::as_tuple(asio::use_awaitable);

std::unexpected<error> broken(const std::string& host, const std::string& doing, const beast::error_code& ec) {
  if (ec == beast::error::timeout) {
    return fail(errc::timed_out,
                host + " made no progress in time while " + doing + "; check the network and the server's load");
  }
  return fail(errc::unavailable, host + ": the connection failed while " + doing + ": " + ec.message());
}

bool speaks_no_tls(const beast::error_code& ec) {
  return ec.category() == asio::error::get_ssl_category() &&
         ERR_GET_REASON(static_cast<unsigned long>(ec.value())) == SSL_R_WRONG_VERSION_NUMBER;
}

std::unexpected<error> handshake_failed(const std::string& host, const beast::error_code& ec, long verdict) {
  if (speaks_no_tls(ec)) {
    return fail(errc::unavailable, host + ": what answers there does not speak TLS (" + ec.message() +
                                       "); if it is meant to be plain HTTP, its address begins with http://");
  }
  if (ec == beast::error::timeout || verdict == X509_V_OK) return broken(host, "the TLS handshake ran", ec);
  return fail(errc::unavailable, host + ": its certificate is not accepted (" + X509_verify_cert_error_string(verdict) +
                                     "); if the server is right, name its authority in ca_file, or use the host "
                                     "name that the certificate is for");
}

// SNI (names only), and the name or address that the certificate must be for.
result<void> expect_name(SSL* ssl, const std::string& host) {
  beast::error_code is_name;
  static_cast<void>(asio::ip::make_address(host, is_name));
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  const bool done = is_name ? SSL_set_tlsext_host_name(ssl, host.c_str()) == 1 && SSL_set1_host(ssl, host.c_str()) == 1
                            : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str()) == 1;
  if (!done) return fail(errc::invalid, host + " cannot be used as the name of a TLS server");
  return {};
}

}  // namespace

struct tls_settings::state {
  asio::ssl::context context{asio::ssl::context::tls_client};
  bool of_the_system = false;  // to be loaded
  std::once_flag loaded;
  beast::error_code failure;
};

tls_settings::tls_settings() : state_(std::make_unique<state>()) {}
tls_settings::~tls_settings() = default;

result<std::shared_ptr<tls_settings>> tls_settings::create(const std::string& ca_file) {
  std::shared_ptr<tls_settings> out(new tls_settings());
  auto& context = out->state_->context;
  beast::error_code ec;
  out->state_->of_the_system = ca_file.empty();
  if (!ca_file.empty()) {
    context.load_verify_file(ca_file, ec);
    if (ec) {
      return fail(errc::invalid, ca_file + " cannot be loaded as PEM certificates (" + ec.message() +
                                     "); check the path in ca_file and its permissions");
    }
  }
  context.set_verify_mode(asio::ssl::verify_peer, ec);
  if (ec || SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION) != 1) {
    return fail(errc::io_failed, "TLS cannot be set up: " + ec.message());
  }
  return out;
}

result<tls_settings::state*> tls_settings::ready() {
  state& s = *state_;
  std::call_once(s.loaded, [&s] {
    if (s.of_the_system) s.context.set_default_verify_paths(s.failure);
  });
  if (!s.failure) return &s;
  return fail(errc::io_failed, "the system's certificate authorities cannot be loaded: " + s.failure.message());
}

struct connection::streams {
  explicit streams(const asio::any_io_executor& e) : executor(e) {}
  asio::any_io_executor executor;
  std::optional<beast::tcp_stream> plain;
  std::optional<beast::ssl_stream<beast::tcp_stream>> tls;
  beast::tcp_stream& lowest() { return tls ? beast::get_lowest_layer(*tls) : *plain; }
};

connection::connection(asio::any_io_executor executor, std::shared_ptr<tls_settings> tls)
    : tls_(std::move(tls)), streams_(std::make_unique<streams>(executor)) {}
connection::~connection() = default;

namespace {

task<std::vector<tcp::endpoint>> addresses_of(asio::any_io_executor executor, std::string host, std::uint16_t port,
                                              local_reach reach) {
  std::vector<tcp::endpoint> found;
  beast::error_code ec;
  const auto literal = asio::ip::make_address(host, ec);
  if (!ec) {
    found.emplace_back(literal, port);
  } else {
    // The system's resolver has its own time limit (resolv.conf).
    tcp::resolver resolver(executor);
    auto [failed, results] = co_await resolver.async_resolve(host, std::to_string(port), awaited);
    if (failed) {
      co_return fail(errc::unavailable,
                     "the host name " + host + " cannot be resolved: " + failed.message() + "; check it and DNS");
    }
    for (const auto& r : results) found.push_back(r.endpoint());
  }
  std::erase_if(found, [&](const tcp::endpoint& e) { return !may_reach(reach, e.address().to_string()); });
  if (found.empty()) {
    co_return fail(errc::denied, "an answer leads to " + host +
                                     ", an address of this machine or link; refused, because the registry "
                                     "itself is not there (allow_local_redirects permits it)");
  }
  co_return found;
}

}  // namespace

task<> connection::open(std::string host, std::uint16_t port, bool secure, milliseconds limit, local_reach reach) {
  host_ = host + ":" + std::to_string(port);
  auto endpoints = co_await addresses_of(streams_->executor, host, port, reach);
  if (!endpoints) co_return pass(std::move(endpoints));
  if (secure) {
    auto trusted = tls_->ready();
    if (!trusted) co_return pass(std::move(trusted));
    streams_->tls.emplace(streams_->executor, (*trusted)->context);
  } else {
    streams_->plain.emplace(streams_->executor);
  }
  auto& lowest = streams_->lowest();
  lowest.expires_after(limit);
  auto [ec, peer] = co_await lowest.async_connect(*endpoints, awaited);
  if (ec == beast::error::timeout) {
    co_return fail(errc::timed_out, host_ + " did not answer a connection attempt; check address and firewall");
  }
  if (ec) {
    co_return fail(errc::unavailable,
                   host_ + " cannot be reached: " + ec.message() + "; check that it runs and the address is right");
  }
  beast::error_code ignored_option;  // a connection without the option is merely slower
  lowest.socket().set_option(tcp::no_delay(true), ignored_option);
  if (secure) {
    auto& tls = *streams_->tls;
    if (auto named = expect_name(tls.native_handle(), host); !named) co_return pass(std::move(named));
    auto [failed] = co_await tls.async_handshake(asio::ssl::stream_base::client, awaited);
    if (failed) co_return handshake_failed(host_, failed, SSL_get_verify_result(tls.native_handle()));
  }
  lowest.expires_never();
  co_return result<>();
}

task<> connection::write(std::array<asio::const_buffer, 2> buffers, milliseconds stall_max) {
  while (asio::buffer_size(buffers) > 0) {
    streams_->lowest().expires_after(stall_max);
    beast::error_code ec;
    std::size_t n = 0;
    if (streams_->tls) {
      std::tie(ec, n) = co_await streams_->tls->async_write_some(buffers, awaited);
    } else {
      std::tie(ec, n) = co_await streams_->plain->async_write_some(buffers, awaited);
    }
    if (ec) co_return broken(host_, "a request was being sent", ec);
    const auto of_first = std::min(n, buffers[0].size());
    buffers[0] += of_first;
    buffers[1] += n - of_first;
  }
  co_return result<>();
}

task<std::size_t> connection::read_some(asio::mutable_buffer buffer, milliseconds stall_max) {
  streams_->lowest().expires_after(stall_max);
  beast::error_code ec;
  std::size_t n = 0;
  if (streams_->tls) {
    std::tie(ec, n) = co_await streams_->tls->async_read_some(buffer, awaited);
  } else {
    std::tie(ec, n) = co_await streams_->plain->async_read_some(buffer, awaited);
  }
  if (ec == asio::error::eof) co_return std::size_t{0};
  if (ec) co_return broken(host_, "the answer was awaited", ec);
  co_return n;
}

bool connection::idle_is_stale() {
  auto& lowest = streams_->lowest();
  if (!lowest.socket().is_open()) return true;
  char byte = 0;
  const auto n = ::recv(lowest.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

bool connection::readable_now() { return !streams_->tls && idle_is_stale(); }

}  // namespace longshore::api
