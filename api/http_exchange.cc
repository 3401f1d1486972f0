#include "api/http_exchange.h"

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "api/host_limits.h"
#include "api/http_fields.h"

namespace longshore::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr int informational_max = 8;
using response_parser = http::response_parser<http::buffer_body>;

bool wants_more(const beast::error_code& ec) { return ec == http::error::need_more; }

std::unexpected<error> malformed(const url& from, const beast::error_code& ec) {
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return fail(errc::unavailable, from.authority() + " answered with larger headers than are accepted");
  }
  return fail(errc::corrupt, from.authority() + " answered with something that is not HTTP/1.1 (" + ec.message() +
                                 "); check that the address and its scheme (http or https) are right");
}

}  // namespace

struct http_exchange::response {
  beast::flat_buffer in;
  std::optional<response_parser> parser;
  std::optional<std::uint64_t> length;     // as the head told
  std::optional<std::uint64_t> remaining;  // set when the body is delimited by its length
};

http_exchange::http_exchange(connection_lease lease, std::shared_ptr<http_counters> counters,
                             std::shared_ptr<host_limits> limits, const http_request& request, milliseconds stall_max,
                             progress_limits progress, std::uint32_t head_bytes_max)
    : lease_(std::move(lease)),
      counters_(std::move(counters)),
      limits_(std::move(limits)),
      kind_(request.kind),
      lane_(request.lane),
      to_head_request_(request.method == "HEAD"),
      from_(request.to),
      stall_max_(stall_max),
      progress_(kind_ == request_kind::peer ? progress_limits{.bytes_per_second_min = 0} : progress),
      head_bytes_max_(head_bytes_max),
      response_(std::make_unique<response>()) {}

http_exchange::~http_exchange() = default;

connection_lease http_exchange::take_lease() {
  lease_.drop_connection();
  return std::move(lease_);
}

bool http_exchange::answer_waiting() const { return lease_ && lease_.get()->readable_now(); }

void http_exchange::tell_broken(errc why) const {
  if (limits_) limits_->broke(sent_us_, why);
}

void http_exchange::count_in(std::size_t n) {
  counters_->of(kind_).bytes_in += n;
  if (limits_) limits_->counted_in(n);
}

task<> http_exchange::send(std::array<asio::const_buffer, 2> buffers) {
  const std::size_t n = asio::buffer_size(buffers);
  auto sent = co_await lease_.get()->write(buffers, stall_max_);
  if (sent) {
    counters_->of(kind_).bytes_out += n;
    if (limits_) limits_->counted_out(n);
  }
  co_return sent;
}

task<> http_exchange::send_head(std::string text, asio::const_buffer body) {
  if (limits_) sent_us_ = limits_->now_us();
  if (!limits_ || !limits_->paces_bytes()) {
    body_bytes_ += body.size();
    co_return co_await send({asio::buffer(text), body});
  }
  auto sent = co_await send({asio::buffer(text), asio::const_buffer()});
  if (!sent || body.size() == 0) co_return sent;
  co_return co_await send_body(body);
}

task<> http_exchange::send_body(asio::const_buffer buffer) {
  body_bytes_ += buffer.size();
  while (limits_ && limits_->paces_bytes() && buffer.size() > 0) {
    auto granted = co_await limits_->take_bytes(lane_, buffer.size());
    if (!granted) co_return pass(std::move(granted));
    const std::size_t piece = granted->bytes();
    auto sent = co_await send({asio::buffer(buffer, piece), asio::const_buffer()});
    if (!sent) co_return sent;
    granted->settle(piece);
    buffer += piece;
  }
  if (buffer.size() == 0) co_return result<>();
  co_return co_await send({buffer, asio::const_buffer()});
}

std::chrono::microseconds http_exchange::now() const {
  if (limits_) return std::chrono::microseconds(limits_->now_us());
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch());
}

// As read_some() of the connection. The wait for the first byte of a head may be long, and counts for nothing.
task<std::size_t> http_exchange::receive(asio::mutable_buffer buffer) {
  const bool has_begun = response_->parser->got_some();
  const auto since = now();
  auto n = co_await lease_.get()->read_some(buffer, stall_max_);
  if (n && *n > 0 && has_begun && !progressed_.came(*n, now() - since)) {
    co_return fail(errc::timed_out, from_.authority() + " sent less than " +
                                        std::to_string(progress_.bytes_per_second_min) +
                                        " bytes per second of its answer; given up as stalled");
  }
  co_return n;
}

// Reads more from the connection into the buffer; 0 at its orderly end.
task<std::size_t> http_exchange::fill() {
  auto n = co_await receive(response_->in.prepare(read_bytes));
  if (!n) co_return n;
  response_->in.commit(*n);
  count_in(*n);
  if (*n > 0) response_started_ = true;
  co_return n;
}

task<http_head> http_exchange::read_head(milliseconds wait_max) {
  const auto usual = std::exchange(stall_max_, wait_max);
  auto& r = *response_;
  for (int seen = 0; seen < informational_max; ++seen) {
    auto& parser = r.parser.emplace();
    parser.header_limit(head_bytes_max_);
    parser.body_limit(boost::none);
    parser.skip(to_head_request_);
    while (!parser.is_header_done()) {
      beast::error_code ec;
      if (r.in.size() > 0) r.in.consume(parser.put(r.in.data(), ec));
      if (ec && !wants_more(ec)) co_return malformed(from_, ec);
      if (parser.is_header_done()) break;
      if (r.in.size() > head_bytes_max_) co_return malformed(from_, http::error::header_limit);
      auto n = co_await fill();
      if (!n) co_return pass(std::move(n));
      if (*n == 0) {
        co_return fail(errc::unavailable, from_.authority() + " closed the connection without a complete answer");
      }
    }
    if (parser.get().result_int() / 100 == 1) continue;
    stall_max_ = usual;
    http_head head;
    head.status = static_cast<int>(parser.get().result_int());
    head.from = from_;
    for (const auto& field : parser.get()) {
      head.headers.add(std::string(field.name_string()), std::string(field.value()));
    }
    if (const auto length = parser.content_length()) r.length = *length;
    overloaded_ = head.status == 429 || head.status == 503;
    if (limits_) limits_->answered(sent_us_, head.status, head.headers.find("Retry-After"));
    if (parser.is_done()) {
      finish();
    } else if (const auto left = parser.content_length_remaining()) {
      r.remaining = *left;
    }
    co_return head;
  }
  co_return fail(errc::corrupt, from_.authority() + " sent only interim (1xx) answers");
}

std::optional<std::uint64_t> http_exchange::content_length() const { return response_->length; }

// The response is complete: the connection may serve the next request, unless the server says otherwise or sent
// more than it should.
void http_exchange::finish() {
  done_ = true;
  if (limits_ && !overloaded_) limits_->completed(sent_us_, body_bytes_);
  if (response_->parser->keep_alive() && response_->in.size() == 0) {
    lease_.keep();
  } else {
    lease_.release();
  }
}

task<std::size_t> http_exchange::read_body(asio::mutable_buffer buffer) {
  if (done_ || buffer.size() == 0) co_return std::size_t{0};
  auto n = limits_ && limits_->paces_bytes() ? co_await read_paced(buffer) : co_await read_any(buffer);
  if (!n) tell_broken(n.error().code);
  co_return n;
}

task<std::size_t> http_exchange::read_any(asio::mutable_buffer buffer) {
  if (response_->remaining) return read_counted(buffer);
  return read_parsed(buffer);
}

task<std::size_t> http_exchange::read_paced(asio::mutable_buffer buffer) {
  const std::uint64_t left = response_->remaining.value_or(read_bytes);
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left));
  auto granted = co_await limits_->take_bytes(lane_, wanted);
  if (!granted) co_return pass(std::move(granted));
  auto n = co_await read_any(asio::buffer(buffer, granted->bytes()));
  if (n) granted->settle(*n);
  co_return n;
}

// Delimited by Content-Length: straight into the caller's buffer.
task<std::size_t> http_exchange::read_counted(asio::mutable_buffer buffer) {
  auto& r = *response_;
  std::size_t n = 0;
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), *r.remaining));
  if (r.in.size() > 0) {
    n = asio::buffer_copy(asio::buffer(buffer, wanted), r.in.data());
    r.in.consume(n);
  } else {
    auto got = co_await receive(asio::buffer(buffer, wanted));
    if (!got) co_return got;
    if (*got == 0) {
      co_return fail(errc::unavailable, from_.authority() + " closed the connection " + std::to_string(*r.remaining) +
                                            " bytes before the end of its answer");
    }
    n = *got;
    count_in(n);
  }
  body_bytes_ += n;
  *r.remaining -= n;
  if (*r.remaining == 0) finish();
  co_return n;
}

// Chunked, or delimited by the end of the connection.
task<std::size_t> http_exchange::read_parsed(asio::mutable_buffer buffer) {
  auto& r = *response_;
  auto& parser = *r.parser;
  auto& body = parser.get().body();
  body.data = buffer.data();
  body.size = buffer.size();
  body.more = true;
  std::size_t least = 1;
  for (;;) {
    beast::error_code ec;
    if (r.in.size() >= least) {
      r.in.consume(parser.put(r.in.data(), ec));
      least = wants_more(ec) ? last_chunk_bytes_min : 1;
    }
    if (ec && !wants_more(ec) && ec != http::error::need_buffer) co_return malformed(from_, ec);
    const auto written = buffer.size() - body.size;
    body_bytes_ += written;
    if (parser.is_done()) finish();
    if (written > 0 || done_) co_return written;
    if (!ec && r.in.size() >= least) continue;
    if (r.in.size() > read_bytes) {
      co_return fail(errc::corrupt, from_.authority() + " sent a chunk head that does not end");
    }
    auto n = co_await fill();
    if (!n) co_return n;
    if (*n == 0) {
      parser.put_eof(ec);
      if (ec || !parser.is_done()) {
        co_return fail(errc::unavailable, from_.authority() + " closed the connection before the end of its answer");
      }
      finish();
      co_return std::size_t{0};
    }
  }
}

}  // namespace longshore::api
