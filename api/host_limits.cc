#include "api/host_limits.h"

#include <algorithm>
#include <boost/asio.hpp>
#include <cmath>
#include <ctime>

#include "api/http_fields.h"
#include "storage/env/ensure.h"

namespace longshore::api {

namespace asio = boost::asio;

namespace {

constexpr std::uint64_t one_request = 1'000'000;  // tokens; a limit may be a fraction of a request per second
constexpr std::uint64_t requests_burst_max = 100 * one_request;
constexpr std::uint64_t piece_bytes_max = 256 * 1024;
constexpr std::uint64_t byte_burst_min = 16 * 1024, byte_burst_max = 8 * 1024 * 1024;
constexpr std::uint32_t small_in_a_row_max = 3;
constexpr std::int64_t minute_us = 60'000'000;

std::int64_t machine_offset_s(timestamp at) {
  const auto seconds = static_cast<std::time_t>(at.us / 1'000'000);
  std::tm local{};
  return ::localtime_r(&seconds, &local) == nullptr ? 0 : local.tm_gmtoff;
}

// A quarter of a second's worth.
std::uint64_t byte_burst(std::uint64_t rate) { return std::clamp(rate / 4, byte_burst_min, byte_burst_max); }

}  // namespace

std::string_view name_of(limit_origin o) {
  switch (o) {
    case limit_origin::configuration:
      return "configuration";
    case limit_origin::schedule:
      return "schedule";
    case limit_origin::operator_:
      return "operator";
  }
  return "configuration";
}

struct host_limits::waiter {
  asio::steady_timer bell;
  std::uint64_t cost;
  bool granted = false;
};

byte_grant::~byte_grant() {
  if (of_ && bytes_ > 0) of_->refund(bytes_);
}

void byte_grant::settle(std::size_t used) {
  ensure(used <= bytes_, "no more bytes are moved than were granted");
  const std::size_t unused = std::exchange(bytes_, 0) - used;
  if (unused == 0 || !of_) return;
  of_->refund(unused);
  of_->pump();
}

std::shared_ptr<host_limits> host_limits::create(asio::any_io_executor on, const clock& wall,
                                                 std::unique_ptr<alarm> time, host_limits_settings settings,
                                                 offset_source local) {
  std::shared_ptr<host_limits> made(
      new host_limits(std::move(on), wall, std::move(time), std::move(settings), std::move(local)));
  made->time_->on_ring([weak = std::weak_ptr(made)] {
    if (const auto self = weak.lock()) self->pump();
  });
  return made;
}

std::shared_ptr<host_limits> host_limits::create(const asio::any_io_executor& on, const clock& wall,
                                                 host_limits_settings settings) {
  return create(on, wall, std::make_unique<steady_alarm>(on), std::move(settings), machine_offset_s);
}

host_limits::host_limits(asio::any_io_executor on, const clock& wall, std::unique_ptr<alarm> time,
                         host_limits_settings settings, offset_source local)
    : on_(std::move(on)),
      wall_(&wall),
      time_(std::move(time)),
      settings_(std::move(settings)),
      local_(std::move(local)),
      connections_(settings_.connections) {
  apply_rates(time_->now_us());
}

std::uint64_t host_limits::rate_now() const {
  if (set_bytes_) return *set_bytes_;
  if (settings_.schedule.empty()) return settings_.bytes_per_second;
  const timestamp now = wall_->now();
  return settings_.schedule.at(engine::local_minute_at(now, local_(now))).value_or(settings_.bytes_per_second);
}

// A rate that may begin at any hour keeps the pieces coming this way even while there is none.
void host_limits::apply_rates(std::int64_t now_us) {
  const std::uint64_t rate = rate_now();
  if (rate != byte_bucket_.per_second()) byte_bucket_.set(now_us, rate, rate == 0 ? 0 : byte_burst(rate));
  piece_max_ = static_cast<std::size_t>(rate == 0 ? piece_bytes_max : std::min(piece_bytes_max, byte_burst(rate)));
  const double per_second = set_requests_.value_or(settings_.requests_per_second);
  const auto requests = static_cast<std::uint64_t>(std::llround(per_second * static_cast<double>(one_request)));
  if (requests != request_bucket_.per_second()) {
    request_bucket_.set(now_us, requests, std::clamp(requests / 4, one_request, requests_burst_max));
  }
  const bool scheduled = !set_bytes_ && !settings_.schedule.empty();
  paces_bytes_ = rate > 0 || scheduled;
  look_again_us_ = scheduled ? now_us + minute_us - wall_->now().us % minute_us : INT64_MAX;
}

void host_limits::look_at_schedule(std::int64_t now_us) {
  if (now_us >= look_again_us_) apply_rates(now_us);
}

bool host_limits::may_enter_now() {
  if (stopped_ || !requests_.empty()) return false;
  if (left_alone_until_us_ != INT64_MIN || request_bucket_.limited()) {
    const std::int64_t now = time_->now_us();
    if (now < left_alone_until_us_ || request_bucket_.take(now, one_request) > 0) return false;
  }
  ++counters_.requests;
  return true;
}

task<> host_limits::enter() {
  const auto self = shared_from_this();
  auto waited = co_await wait(requests_, one_request, request_bucket_);
  if (waited) ++counters_.requests;
  co_return waited;
}

task<byte_grant> host_limits::take_bytes(traffic lane, std::size_t wanted) {
  const auto self = shared_from_this();
  if (stopped_) co_return fail(errc::stopped, "stopping");
  const std::int64_t now = time_->now_us();
  look_at_schedule(now);
  const std::size_t piece = std::min(wanted, piece_max_);
  if (small_.empty() && streams_.empty() && byte_bucket_.take(now, piece) == 0) co_return byte_grant(self, piece);
  if (auto waited = co_await wait(lane == traffic::small ? small_ : streams_, piece, byte_bucket_); !waited) {
    co_return pass(std::move(waited));
  }
  co_return byte_grant(self, piece);
}

// The caller keeps this object alive.
task<> host_limits::wait(queue& in, std::uint64_t cost, engine::token_bucket& from) {
  if (stopped_) co_return fail(errc::stopped, "stopping");
  if (waiting() >= settings_.waiters_max) {
    co_return fail(errc::busy, std::to_string(waiting()) + " requests already wait for the limits of " +
                                   settings_.host + "; lower the number of concurrent jobs");
  }
  waiter self{asio::steady_timer(on_, asio::steady_timer::time_point::max()), cost};
  // Leaves the queue, or gives back what was granted, however this coroutine ends.
  struct place {
    queue& in;
    queue::iterator at;
    waiter& who;
    engine::token_bucket& from;
    bool used = false;
    ~place() {
      if (!who.granted)
        in.erase(at);
      else if (!used)
        from.give_back(who.cost);
    }
  } held{in, in.insert(in.end(), &self), self, from};
  pump();
  if (!self.granted) static_cast<void>(co_await self.bell.async_wait(asio::as_tuple(asio::use_awaitable)));
  if (!self.granted) {
    co_return fail(errc::stopped, "waiting for the limits of " + settings_.host + " was given up");
  }
  held.used = true;
  co_return result<>();
}

std::optional<std::int64_t> host_limits::pump_requests(std::int64_t now_us) {
  if (now_us >= left_alone_until_us_) left_alone_until_us_ = INT64_MIN;
  while (!requests_.empty()) {
    if (now_us < left_alone_until_us_) return left_alone_until_us_ - now_us;
    waiter& first = *requests_.front();
    if (const auto later = request_bucket_.take(now_us, first.cost); later > 0) return later;
    requests_.pop_front();
    first.granted = true;
    first.bell.cancel();
  }
  return std::nullopt;
}

std::optional<std::int64_t> host_limits::pump_bytes(std::int64_t now_us) {
  while (!small_.empty() || !streams_.empty()) {
    const bool small = !small_.empty() && (streams_.empty() || small_in_a_row_ < small_in_a_row_max);
    queue& from = small ? small_ : streams_;
    waiter& first = *from.front();
    if (const auto later = byte_bucket_.take(now_us, first.cost); later > 0) return later;
    small_in_a_row_ = small ? small_in_a_row_ + 1 : 0;
    from.pop_front();
    first.granted = true;
    first.bell.cancel();
  }
  return std::nullopt;
}

// Lets through whoever may go, and sets the alarm for the next one.
void host_limits::pump() {
  if (stopped_ || waiting() == 0) return;
  const std::int64_t now = time_->now_us();
  look_at_schedule(now);
  const auto requests = pump_requests(now), bytes = pump_bytes(now);
  if (!requests && !bytes) return time_->cancel();
  std::int64_t next = std::min(requests.value_or(INT64_MAX), bytes.value_or(INT64_MAX));
  if (look_again_us_ != INT64_MAX) next = std::min(next, std::max<std::int64_t>(1, look_again_us_ - now));
  time_->set(next);
}

void host_limits::refund(std::size_t bytes) { byte_bucket_.give_back(bytes); }

void host_limits::note_vain(std::string why) {
  vain_.last = wall_->now();
  if (vain_.in_a_row++ == 0) vain_.since = vain_.last;
  vain_.why = std::move(why);
}

void host_limits::answered(std::int64_t sent_us, int status, std::optional<std::string_view> retry_after) {
  if (status == 401 || status == 429 || status >= 500) {
    note_vain("status " + std::to_string(status));
  } else {
    vain_ = {};
  }
  if (status == 401) ++counters_.unauthorized;
  if (status != 429 && status != 503) return;
  ++(status == 429 ? counters_.throttled : counters_.unavailable);
  const std::int64_t now = time_->now_us();
  if (connections_.overloaded(now, sent_us)) ++counters_.halvings;
  if (!retry_after) return;
  const auto asked_ms = retry_after_ms(*retry_after, wall_->now());
  if (!asked_ms || *asked_ms <= 0) return;
  ++counters_.retry_afters;
  const std::int64_t until = now + std::min(*asked_ms, settings_.retry_after_ms_max) * 1'000;
  left_alone_until_us_ = std::max(left_alone_until_us_, until);
}

void host_limits::completed(std::int64_t sent_us, std::uint64_t body_bytes) {
  connections_.completed(time_->now_us(), sent_us, body_bytes);
}

void host_limits::broke(std::int64_t sent_us, errc why) {
  if (why != errc::timed_out && why != errc::unavailable) return;
  ++counters_.broken;
  note_vain(why == errc::timed_out ? "no answer in time" : "no connection, or one that broke");
  if (connections_.overloaded(time_->now_us(), sent_us)) ++counters_.halvings;
}

void host_limits::change(const limits_change& c) {
  if (c.bytes_per_second) set_bytes_ = *c.bytes_per_second;
  if (c.requests_per_second) set_requests_ = *c.requests_per_second;
  apply_rates(time_->now_us());
  pump();
}

host_limits_view host_limits::view() const {
  host_limits_view v;
  v.host = settings_.host;
  v.bytes_per_second = rate_now();
  if (set_bytes_) {
    v.bytes_by = limit_origin::operator_;
  } else if (!settings_.schedule.empty()) {
    const timestamp now = wall_->now();
    if (settings_.schedule.at(engine::local_minute_at(now, local_(now)))) v.bytes_by = limit_origin::schedule;
  }
  v.requests_per_second = set_requests_.value_or(settings_.requests_per_second);
  if (set_requests_) v.requests_by = limit_origin::operator_;
  v.connections_allowed = connections_.allowed();
  v.connections_min = settings_.connections.least;
  v.connections_max = settings_.connections.most;
  v.requests_waiting = requests_.size();
  v.transfers_waiting = small_.size() + streams_.size();
  const std::int64_t now = time_->now_us();
  if (now < left_alone_until_us_) v.left_alone_until = timestamp{wall_->now().us + left_alone_until_us_ - now};
  v.counters = counters_;
  v.vain = vain_;
  return v;
}

void host_limits::stop() {
  stopped_ = true;
  time_->cancel();
  for (queue* q : {&requests_, &small_, &streams_}) {
    for (waiter* w : *q) w->bell.cancel();
  }
}

}  // namespace longshore::api
