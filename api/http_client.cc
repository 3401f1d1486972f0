#include "api/http_client.h"

#include <algorithm>
#include <array>
#include <boost/asio.hpp>

namespace longshore::api {

namespace asio = boost::asio;

struct http_client_state {
  asio::any_io_executor executor;
  http_options options;
  std::shared_ptr<tls_settings> tls;
  std::shared_ptr<connection_pool> pool;
  std::shared_ptr<http_counters> counters = std::make_shared<http_counters>();

  // By the time of the limits, where there are any.
  std::int64_t now_us() const {
    using namespace std::chrono;
    if (options.limits) return options.limits->now_us();
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  }
  milliseconds stall_of(const http_request& r) const {
    return r.stall_max.count() > 0 ? r.stall_max : options.stall_max;
  }
};

namespace {

using client_state = http_client_state;

task<> connect(std::shared_ptr<client_state> s, connection_lease& lease, const http_request& request) {
  const auto& limits = s->options.limits;
  const std::int64_t begun_us = limits ? limits->now_us() : 0;
  auto fresh = std::make_unique<connection>(s->executor, s->tls);
  auto opened = co_await fresh->open(request.to.host, request.to.port, request.to.secure(), s->options.connect_max,
                                     request.reach);
  if (!opened) {
    if (limits) limits->broke(begun_us, opened.error().code);
    co_return opened;
  }
  ++s->counters->connections_opened;
  lease.put(std::move(fresh));
  co_return result<>();
}

std::unique_ptr<http_exchange> exchange_over(const std::shared_ptr<client_state>& s, connection_lease lease,
                                             const http_request& request) {
  return std::make_unique<http_exchange>(std::move(lease), s->counters, s->options.limits, request,
                                         s->stall_of(request), s->options.progress, s->options.head_bytes_max);
}

pool_key key_of(const http_request& r) { return {r.to.host, r.to.port, r.to.secure(), r.reach}; }

// A connection to send the request over, when the host's limits let it go.
task<connection_lease> admitted(std::shared_ptr<client_state> s, pool_key key, traffic lane, bool resumed) {
  auto lease = resumed ? s->pool->resume(key, lane) : co_await s->pool->acquire(key, lane);
  auto& limits = s->options.limits;
  if (!lease || !limits || limits->may_enter_now()) co_return lease;
  if (auto entered = co_await limits->enter(); !entered) co_return pass(std::move(entered));
  // It may have waited for long.
  if (lease->get() != nullptr && lease->get()->idle_is_stale()) lease->drop_connection();
  co_return lease;
}

bool has_body(const http_request& r) {
  return !r.body.empty() || (r.method != "GET" && r.method != "HEAD" && r.method != "DELETE");
}

// Sends the request and reads the head of the answer. A server may answer and close before it took the whole
// request: then its answer counts, not the failed write.
task<http_head> converse(http_exchange& x, std::string head_text, const std::string& body, milliseconds wait_max) {
  auto sent = co_await x.send_head(std::move(head_text), asio::buffer(body));
  if (!sent && sent.error().code == errc::timed_out) co_return pass(std::move(sent));
  auto head = co_await x.read_head(wait_max);
  if (!head && !sent) co_return pass(std::move(sent));
  co_return head;
}

task<std::unique_ptr<http_stream>> open_stream(std::shared_ptr<client_state> s, http_request request) {
  const auto length = has_body(request) ? std::optional<std::uint64_t>(request.body.size()) : std::nullopt;
  auto text = request_head(request, s->options.user_agent, length);
  if (!text) co_return pass(std::move(text));
  auto lease = co_await admitted(s, key_of(request), request.lane, request.resumed);
  if (!lease) co_return pass(std::move(lease));
  auto slot = std::move(*lease);
  const std::int64_t let_go_us = s->now_us();
  const auto after_the_wait = [&](error why) {
    why.waited_us = s->now_us() - let_go_us;
    return std::unexpected(std::move(why));
  };
  for (;;) {
    const bool reused = slot.get() != nullptr;
    if (reused) {
      ++s->counters->connections_reused;
    } else if (auto connected = co_await connect(s, slot, request); !connected) {
      co_return after_the_wait(std::move(connected).error());
    }
    auto x = exchange_over(s, std::move(slot), request);
    auto head = co_await converse(*x, *text, request.body, s->stall_of(request));
    if (head) {
      head->waited_us = s->now_us() - let_go_us;
      co_return std::make_unique<http_stream>(std::move(*head), std::move(x));
    }
    const bool stale = reused && !x->response_started() && head.error().code == errc::unavailable;
    if (!stale) {
      x->tell_broken(head.error().code);
      co_return after_the_wait(std::move(head).error());
    }
    ++s->counters->stale_retries;
    slot = x->take_lease();
  }
}

}  // namespace

std::string default_user_agent() { return "longshore/" LONGSHORE_VERSION; }

task<http_response> http_stream::read_all(std::size_t bytes_max) {
  http_response out;
  const errc over = head_.status >= 300 ? errc::unavailable : errc::too_large;
  if (const auto n = content_length(); n && *n > bytes_max && head_.status != 204 && head_.status != 304) {
    // A HEAD answer tells a length and has no body: one read finds that out.
    std::array<char, 1> probe{};
    auto first = co_await read(asio::buffer(probe));
    if (!first) co_return pass(std::move(first));
    if (*first > 0) {
      co_return fail(over, head_.from.shown() + " answered with " + std::to_string(*n) + " bytes; at most " +
                               std::to_string(bytes_max) + " are accepted");
    }
  }
  std::vector<char> piece(16 * 1024);
  for (;;) {
    auto n = co_await read(asio::buffer(piece));
    if (!n) co_return pass(std::move(n));
    if (*n == 0) break;
    if (out.body.size() + *n > bytes_max) {
      co_return fail(over, head_.from.shown() + " answered with more than " + std::to_string(bytes_max) + " bytes");
    }
    out.body.append(piece.data(), *n);
  }
  out.head = head_;
  co_return out;
}

http_upload::http_upload(std::shared_ptr<http_client_state> client, http_request request, std::uint64_t length)
    : client_(std::move(client)), request_(std::move(request)), length_(length) {}

task<> http_upload::begin() {
  auto text = request_head(request_, client_->options.user_agent, length_);
  if (!text) co_return pass(std::move(text));
  head_text_ = std::move(*text);
  auto lease = co_await admitted(client_, key_of(request_), request_.lane, request_.resumed);
  if (!lease) co_return pass(std::move(lease));
  reused_ = lease->get() != nullptr;
  if (reused_) {
    ++client_->counters->connections_reused;
  } else if (auto connected = co_await connect(client_, *lease, request_); !connected) {
    co_return connected;
  }
  exchange_ = exchange_over(client_, std::move(*lease), request_);
  co_return result<>();
}

// The kept connection had been closed by the server: once more on a fresh one, in the same slot.
task<> http_upload::begin_again() {
  reused_ = head_sent_ = false;
  ++client_->counters->stale_retries;
  auto slot = exchange_->take_lease();
  exchange_.reset();  // it has no connection any more, whatever comes now
  if (auto connected = co_await connect(client_, slot, request_); !connected) co_return connected;
  exchange_ = exchange_over(client_, std::move(slot), request_);
  co_return result<>();
}

task<> http_upload::send_once(asio::const_buffer piece) {
  if (head_sent_) co_return co_await exchange_->send_body(piece);
  head_sent_ = true;
  co_return co_await exchange_->send_head(head_text_, piece);
}

// The head goes with the first piece.
task<> http_upload::send(asio::const_buffer piece) {
  auto sent = co_await send_once(piece);
  if (sent || sent_ > 0 || !reused_ || sent.error().code != errc::unavailable) co_return sent;
  if (auto again = co_await begin_again(); !again) co_return again;
  co_return co_await send_once(piece);
}

task<> http_upload::write(asio::const_buffer buffer) {
  constexpr std::size_t piece_max = 256 * 1024;
  if (buffer.size() > length_ - sent_) {
    co_return fail(errc::invalid, "more bytes were written to an upload than its length of " + std::to_string(length_));
  }
  while (buffer.size() > 0) {
    const auto piece = asio::buffer(buffer, piece_max);
    if (sent_ > 0 && exchange_->answer_waiting()) {
      co_return fail(errc::conflict, request_.to.authority() + " answered before the end of the upload");
    }
    auto sent = co_await send(piece);
    if (!sent && sent.error().code == errc::unavailable) {
      co_return fail(errc::conflict, sent.error().text);
    }
    if (!sent) {
      if (exchange_) exchange_->tell_broken(sent.error().code);
      co_return sent;
    }
    sent_ += piece.size();
    buffer += piece.size();
  }
  co_return result<>();
}

task<http_response> http_upload::finish(std::size_t bytes_max) {
  if (exchange_ && !head_sent_) {
    auto sent = co_await send({});
    if (!sent && exchange_) exchange_->tell_broken(sent.error().code);
    if (!sent) co_return pass(std::move(sent));
  }
  if (!exchange_) {
    co_return fail(errc::unavailable, request_.to.authority() + " closed the connection and cannot be reached again");
  }
  auto head = co_await exchange_->read_head(client_->options.upload_answer_max);
  if (!head && length_ == 0 && reused_ && !exchange_->response_started() && head.error().code == errc::unavailable) {
    auto again = co_await begin_again();
    if (again) again = co_await send_once({});
    if (!again) co_return pass(std::move(again));
    head = co_await exchange_->read_head(client_->options.upload_answer_max);
  }
  if (!head) {
    exchange_->tell_broken(head.error().code);
    ++client_->counters->of(request_.kind).failures;
    co_return pass(std::move(head));
  }
  http_stream stream(std::move(*head), std::move(exchange_));
  co_return co_await stream.read_all(bytes_max);
}

http_client::http_client(std::shared_ptr<http_client_state> s) : shared_(std::move(s)) {}
http_client::~http_client() = default;

result<std::unique_ptr<http_client>> http_client::create(asio::any_io_executor executor, http_options options) {
  auto tls = tls_settings::create(options.ca_file);
  if (!tls) return pass(std::move(tls));
  if (options.user_agent.empty()) options.user_agent = default_user_agent();
  if (options.pool.per_host <= options.pool.kept_for_small) {
    return fail(errc::invalid, "of " + std::to_string(options.pool.per_host) + " connections per host, " +
                                   std::to_string(options.pool.kept_for_small) +
                                   " are kept for small requests; leave at least one for blobs");
  }
  auto s = std::make_shared<http_client_state>();
  s->executor = executor;
  s->options = std::move(options);
  s->tls = std::move(*tls);
  s->pool = std::make_shared<connection_pool>(executor, s->options.pool, s->options.limits);
  return std::unique_ptr<http_client>(new http_client(std::move(s)));
}

const http_counters& http_client::counters() const { return *shared_->counters; }
asio::any_io_executor http_client::executor() const { return shared_->executor; }

task<std::unique_ptr<http_stream>> http_client::open(http_request request) {
  const auto s = shared_;
  const auto kind = request.kind;
  ++s->counters->of(kind).requests;
  auto stream = co_await open_stream(s, std::move(request));
  if (!stream) ++s->counters->of(kind).failures;
  co_return stream;
}

task<http_response> http_client::send(http_request request, std::size_t bytes_max) {
  auto stream = co_await open(std::move(request));
  if (!stream) co_return pass(std::move(stream));
  co_return co_await (*stream)->read_all(bytes_max);
}

task<std::unique_ptr<http_upload>> http_client::upload(http_request request, std::uint64_t length) {
  const auto s = shared_;
  const auto kind = request.kind;
  ++s->counters->of(kind).requests;
  auto out = std::unique_ptr<http_upload>(new http_upload(s, std::move(request), length));
  auto begun = co_await out->begin();
  if (!begun) {
    ++s->counters->of(kind).failures;
    co_return pass(std::move(begun));
  }
  co_return out;
}

}  // namespace longshore::api
