#include "api/http_session.h"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <charconv>
#include <tuple>
#include <type_traits>

#include "api/answer_head.h"
#include "api/http_fields.h"
#include "api/request_parser.h"

namespace longshore::api {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;
constexpr auto as_value = asio::as_tuple(asio::use_awaitable);

constexpr std::size_t read_bytes = 8u << 10;
constexpr std::size_t body_read_bytes = 64u << 10;
// What is still read of a refused request, so that the client finds the answer and not a reset connection.
constexpr std::size_t drained_bytes_max = 4u << 20;
constexpr std::chrono::milliseconds drain_ms_max{2'000};

// After a syntax error or an excess, found by the parser.
answer complaint(const error_code& ec) {
  if (ec == http::error::header_limit) {
    return refusal(431, "TOO_LARGE", "the request's head is over the limit of this server");
  }
  if (ec == http::error::body_limit) {
    return refusal(413, "TOO_LARGE", "the request's body is over the limit of this server");
  }
  return refusal(400, "INVALID", "this is not an HTTP/1.1 request", ec.message());
}

boost::beast::string_view beast_view(std::string_view s) { return {s.data(), s.size()}; }

// Where a request ends must be as clear to us as to any proxy before us (RFC 9112 3.2, 6.1 and 6.3).
std::optional<answer> unclear(const request& r, const request_parser& parser) {
  const std::size_t hosts = r.count("Host");
  if (hosts > 1 || (hosts == 0 && parser.version() > 10)) {
    return refusal(400, "INVALID", "a request has one Host header, not " + std::to_string(hosts));
  }
  if (r.count("Transfer-Encoding") == 0) return std::nullopt;
  if (parser.version() <= 10) return refusal(400, "INVALID", "HTTP/1.0 has no Transfer-Encoding");
  const bool understood = parser.chunked() && r.count("Transfer-Encoding") == 1 &&
                          boost::beast::iequals(beast_view(r.header("Transfer-Encoding")), "chunked");
  if (understood) return std::nullopt;
  return refusal(400, "INVALID", "the only transfer coding understood is chunked");
}

template <class Stream>
class session final : public http_session, private exchange {
 public:
  session(Stream stream, session_world& world)
      : exchange(in_),
        stream_(std::move(stream)),
        world_(&world),
        buffer_(world.limits.header_bytes_max + body_read_bytes) {
    error_code gone;  // who is gone already has no address, and asks nothing
    if (const auto from = socket().remote_endpoint(gone); !gone) in_.peer = from.address().to_string();
    if constexpr (std::is_same_v<Stream, tcp::socket>) {
      error_code ignored;  // a socket that cannot be set is broken, and the first read tells
      stream_.non_blocking(true, ignored);
    }
  }

  asio::awaitable<void> run() override {
    if constexpr (std::is_same_v<Stream, tls_stream>) {
      wait_at_most(world_->limits.header_ms_max);
      auto [ec] = co_await stream_.async_handshake(asio::ssl::stream_base::server, as_value);
      if (ec) {
        ++world_->counters.handshake_failures;
        co_return close();
      }
    }
    auto patience = world_->limits.header_ms_max;  // a new connection has come to ask something
    while (co_await serve_one(patience)) {
      patience = world_->limits.idle_ms_max;
      // Whoever has sent many requests at once is served in turn with the others.
      if (buffer_.size() > 0) co_await asio::post(stream_.get_executor(), asio::use_awaitable);
    }
    close();
  }

  void expire() override {
    expired_ = true;
    close();
  }

 private:
  enum class stream_state : std::uint8_t { none, open, broken };
  enum class arrival : std::uint8_t { likely, later };

  void wait_at_most(std::chrono::milliseconds ms) { deadline_ = steady::now() + ms; }
  void wait_for_handler() { deadline_ = steady::time_point::max(); }
  void close() {
    error_code ignored;  // a socket that cannot be closed is closed already
    socket().close(ignored);
  }
  tcp::socket& socket() {
    if constexpr (std::is_same_v<Stream, tls_stream>) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  asio::awaitable<bool> fill(std::size_t bytes, arrival when = arrival::likely) {
    const std::size_t room = buffer_.max_size() - buffer_.size();
    if (room == 0) co_return false;
    auto [ec, n] = co_await read(buffer_.prepare(std::min(bytes, room)), when);
    if (ec || expired_) co_return false;
    buffer_.commit(n);
    co_return true;
  }

  // Plain sockets are read and written at once where they can be: each suspension costs as much as the call, and the
  // call is in vain where nothing can have arrived yet.
  using read_outcome = std::tuple<error_code, std::size_t>;
  asio::awaitable<read_outcome> read(asio::mutable_buffer to, arrival when) {
    if constexpr (std::is_same_v<Stream, tcp::socket>) {
      error_code ec = asio::error::would_block;
      std::size_t n = 0;
      if (when == arrival::likely) n = stream_.read_some(to, ec);
      while (ec == asio::error::would_block) {
        auto [failed] = co_await stream_.async_wait(tcp::socket::wait_read, as_value);
        if (failed) co_return read_outcome(failed, 0);
        n = stream_.read_some(to, ec);
      }
      co_return read_outcome(ec, n);
    } else {
      co_return co_await stream_.async_read_some(to, as_value);
    }
  }

  // True: the connection may carry another request.
  asio::awaitable<bool> serve_one(std::chrono::milliseconds patience) {
    if (world_->stopping || expired_) co_return false;
    requestless_since_ = steady::now();
    in_.clear();
    parser_.emplace(in_, world_->limits.header_bytes_max);
    if (buffer_.size() == 0) {
      idle_ = true;
      wait_at_most(patience);
      const bool came = co_await fill(read_bytes, arrival::later);
      idle_ = false;
      if (!came) co_return false;
    }
    wait_at_most(world_->limits.header_ms_max);
    if (!co_await read_head()) co_return false;
    if (auto refused = unclear(in_, *parser_)) {
      ++world_->counters.malformed;
      co_return co_await refuse(*std::move(refused));
    }
    answer otherwise;
    const route* const to = world_->routes.find(in_, otherwise);
    if (to == nullptr) {
      if (parser_->is_done()) co_return co_await send(std::move(otherwise));
      co_return co_await refuse(std::move(otherwise));
    }
    if (to->admit) {
      if (auto refused = to->admit(in_)) co_return co_await refuse(*std::move(refused));
      trusted_ = true;
    }
    if (!parser_->is_done() && !co_await read_body(*to)) co_return false;
    ++world_->counters.requests;
    requestless_since_.reset();
    answer_.reset();
    streaming_ = stream_state::none;
    wait_for_handler();
    co_await to->handle(*this);
    if (streaming_ != stream_state::none) co_return co_await end_stream();
    if (!answer_) answer_ = refusal(500, "UNKNOWN", "this request was not answered; please report it");
    requestless_since_ = steady::now();  // from here on it waits for the client again
    co_return co_await send(*std::move(answer_));
  }

  asio::awaitable<bool> read_head() {
    for (;;) {
      error_code ec;
      buffer_.consume(parser_->put(asio::const_buffer(buffer_.data()), ec));
      if (!ec && parser_->is_header_done()) co_return true;
      if (ec && ec != http::error::need_more) {
        ++world_->counters.malformed;
        co_return co_await refuse(complaint(ec));
      }
      if (!co_await fill(read_bytes)) co_return false;
    }
  }

  asio::awaitable<bool> read_body(const route& to) {
    const std::size_t limit = to.body_bytes_max.value_or(world_->limits.body_bytes_max);
    if (parser_->announces_more_than(limit)) co_return co_await refuse_body(to);
    parser_->read_body(limit);
    wait_at_most(world_->limits.body_ms_max);
    if (boost::beast::iequals(beast_view(in_.header("Expect")), "100-continue") && buffer_.size() == 0) {
      constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      auto [ec, n] = co_await asio::async_write(stream_, asio::buffer(go_on), as_value);
      if (ec) co_return false;
    }
    while (!parser_->is_done()) {
      if (buffer_.size() == 0 && !co_await fill(body_read_bytes)) co_return false;
      error_code ec;
      buffer_.consume(parser_->put(asio::const_buffer(buffer_.data()), ec));
      if (ec == http::error::body_limit) co_return co_await refuse_body(to);
      if (ec && ec != http::error::need_more) {
        ++world_->counters.malformed;
        co_return co_await refuse(complaint(ec));
      }
      if (!ec) continue;
      do {
        if (!co_await fill(body_read_bytes)) co_return false;
      } while (buffer_.size() < last_chunk_bytes_min);
    }
    co_return true;
  }

  asio::awaitable<bool> refuse_body(const route& to) {
    ++world_->counters.too_large;
    if (to.too_large) to.too_large(in_);
    co_return co_await refuse(complaint(http::error::body_limit));
  }

  // Answers before the request was read to its end: says so, and reads on a little before it closes.
  asio::awaitable<bool> refuse(answer a) {
    a.close = true;
    co_await send(std::move(a));
    if (expired_ || !socket().is_open()) co_return false;
    error_code ignored;  // the peer may be gone: then there is nothing to drain
    socket().shutdown(tcp::socket::shutdown_send, ignored);
    wait_at_most(drain_ms_max);
    buffer_.clear();
    for (std::size_t drained = 0; drained < drained_bytes_max && !expired_;) {
      auto [ec, n] = co_await socket().async_read_some(buffer_.prepare(body_read_bytes), as_value);
      if (ec) break;
      drained += n;
    }
    co_return false;
  }

  asio::awaitable<bool> send(answer a) {
    const bool keep = parser_->is_done() && parser_->keep_alive() && !a.close && !world_->stopping;
    render_head(head_, a, {body_framing::length, keep, parser_->version()});
    std::array<asio::const_buffer, 3> parts{asio::buffer(head_), {}, {}};
    if (in_.method() != "HEAD") {
      if (a.shared_body) parts[1] = asio::buffer(*a.shared_body);
      parts[2] = asio::buffer(a.body);
    }
    if (parts[1].size() == 0 && parts[2].size() <= small_bytes) {  // one buffer goes out in one piece, TLS or not
      head_.append(static_cast<const char*>(parts[2].data()), parts[2].size());
      parts = {asio::buffer(head_), {}, {}};
    }
    const error_code ec = co_await put_out(parts);
    co_return !ec && keep;
  }

  // In pieces, each of which must be taken within the limit: a slow client is served for as long as it goes on reading.
  asio::awaitable<error_code> put_out(std::array<asio::const_buffer, 3> left) {
    if constexpr (std::is_same_v<Stream, tcp::socket>) {
      error_code ec;
      std::size_t n = stream_.write_some(left, ec);
      if (ec && ec != asio::error::would_block) co_return ec;
      for (asio::const_buffer& part : left) {
        const std::size_t of_this = std::min(n, part.size());
        part += of_this;
        n -= of_this;
      }
    }
    while (asio::buffer_size(left) > 0) {
      std::array<asio::const_buffer, 3> piece;
      std::size_t room = piece_bytes_max;
      for (std::size_t i = 0; i < left.size(); ++i) {
        piece[i] = asio::buffer(left[i], room);
        room -= piece[i].size();
        left[i] += piece[i].size();
      }
      wait_at_most(world_->limits.write_stall_ms_max);
      auto [ec, n] = co_await asio::async_write(stream_, piece, as_value);
      if (ec) co_return ec;
      if (expired_) co_return asio::error::timed_out;
    }
    co_return error_code();
  }

  asio::awaitable<result<void>> begin_stream(answer head) override {
    const auto framing = parser_->version() == 10 ? body_framing::until_close : body_framing::chunked;
    render_head(head_, head, {framing, framing == body_framing::chunked && parser_->keep_alive(), parser_->version()});
    streaming_ = stream_state::open;
    co_return co_await push(std::array<asio::const_buffer, 3>{asio::buffer(head_), {}, {}});
  }

  asio::awaitable<result<void>> write(std::string_view bytes) override {
    if (in_.method() == "HEAD") co_return fail(errc::unavailable, "nobody reads the body of an answer to HEAD");
    if (bytes.empty()) co_return result<void>();
    if (parser_->version() == 10) {
      co_return co_await push(std::array<asio::const_buffer, 3>{asio::buffer(bytes), {}, {}});
    }
    std::array<char, 18> size;
    const auto end = std::to_chars(size.data(), size.data() + 16, bytes.size(), 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    const auto size_bytes = static_cast<std::size_t>(end - size.data()) + 2;
    co_return co_await push(std::array<asio::const_buffer, 3>{asio::buffer(size.data(), size_bytes),
                                                              asio::buffer(bytes), asio::buffer("\r\n", 2)});
  }

  asio::awaitable<result<void>> push(std::array<asio::const_buffer, 3> parts) {
    if (streaming_ == stream_state::broken) co_return fail(errc::unavailable, "the client is gone");
    const error_code ec = co_await put_out(parts);
    wait_for_handler();
    if (ec) {
      streaming_ = stream_state::broken;
      co_return fail(errc::unavailable, "the client is gone or does not read: " + ec.message());
    }
    if (world_->stopping) co_return fail(errc::stopped, "the server is stopping");
    co_return result<void>();
  }

  asio::awaitable<bool> end_stream() {
    if (streaming_ == stream_state::broken || parser_->version() == 10) co_return false;
    if (in_.method() != "HEAD") {
      wait_at_most(world_->limits.write_stall_ms_max);
      constexpr std::string_view last = "0\r\n\r\n";
      auto [ec, n] = co_await asio::async_write(stream_, asio::buffer(last), as_value);
      if (ec) co_return false;
    }
    co_return parser_->keep_alive() && !world_->stopping;
  }

  bool stopping() const override { return world_->stopping; }
  static constexpr std::size_t small_bytes = 4u << 10;
  static constexpr std::size_t piece_bytes_max = 256u << 10;

  request in_;
  Stream stream_;
  session_world* world_;
  boost::beast::flat_buffer buffer_;
  std::optional<request_parser> parser_;
  std::string head_;
  stream_state streaming_ = stream_state::none;
};

}  // namespace

std::unique_ptr<http_session> make_session(tcp::socket socket, asio::ssl::context* tls, session_world& world) {
  if (tls == nullptr) return std::make_unique<session<tcp::socket>>(std::move(socket), world);
  return std::make_unique<session<tls_stream>>(tls_stream(std::move(socket), *tls), world);
}

}  // namespace longshore::api
