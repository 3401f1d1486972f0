#include "api/host_limits.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "manual_alarm.h"
#include "storage/env/random.h"

namespace longshore::api {
namespace {

namespace asio = boost::asio;
using tests::settle;

class host_limits_test : public testing::Test {
 protected:
  host_limits& with(host_limits_settings s) {
    s.host = "registry.test";
    limits = host_limits::create(io.get_executor(), wall, std::make_unique<tests::manual_alarm>(time), std::move(s),
                                 [this](timestamp) { return offset_s; });
    return *limits;
  }
  // What a client does before a request.
  void request(int number) {
    asio::co_spawn(io, ask(number), asio::detached);
    settle(io);
  }
  asio::awaitable<void> ask(int number) {
    if (!limits->may_enter_now()) {
      if (auto entered = co_await limits->enter(); !entered) {
        refused.push_back(entered.error().code);
        co_return;
      }
    }
    order.push_back(number);
  }
  void bytes(int number, traffic lane, std::size_t wanted) {
    asio::co_spawn(io, move_bytes(number, lane, wanted), asio::detached);
    settle(io);
  }
  asio::awaitable<void> move_bytes(int number, traffic lane, std::size_t wanted) {
    auto granted = co_await limits->take_bytes(lane, wanted);
    if (!granted) {
      refused.push_back(granted.error().code);
      co_return;
    }
    moved += granted->bytes();
    order.push_back(number);
    granted->settle(granted->bytes());
  }
  void advance(std::int64_t us) {
    wall.advance_us(us);
    time->advance(us);
    settle(io);
  }

  asio::io_context io;
  manual_clock wall{parse_rfc3339("2026-11-25T07:59:00Z").value()};  // a Wednesday
  std::int64_t offset_s = 0;
  std::shared_ptr<tests::manual_time> time = std::make_shared<tests::manual_time>();
  std::shared_ptr<host_limits> limits;
  std::vector<int> order;
  std::vector<errc> refused;
  std::size_t moved = 0;
};

TEST_F(host_limits_test, without_limits_nothing_waits_and_no_piece_is_paced) {
  with({});
  EXPECT_FALSE(limits->paces_bytes());
  for (int i = 0; i < 1'000; ++i) EXPECT_TRUE(limits->may_enter_now());
  EXPECT_EQ(limits->view().counters.requests, 1'000u);
  EXPECT_FALSE(time->due_us);
}

TEST_F(host_limits_test, requests_go_in_order_at_their_rate) {
  with({.requests_per_second = 2});
  for (int i = 0; i < 4; ++i) request(i);
  EXPECT_EQ(order, (std::vector{0}));
  EXPECT_EQ(limits->view().requests_waiting, 3u);
  advance(499'999);
  EXPECT_EQ(order.size(), 1u);
  advance(1);
  EXPECT_EQ(order, (std::vector{0, 1}));
  advance(1'000'000);
  EXPECT_EQ(order, (std::vector{0, 1, 2, 3}));
  EXPECT_FALSE(time->due_us) << "nobody waits: no alarm";
}

TEST_F(host_limits_test, a_rate_may_be_a_fraction_of_a_request) {
  with({.requests_per_second = 0.01});
  request(0);
  request(1);
  advance(99'999'999);
  EXPECT_EQ(order.size(), 1u);
  advance(1);
  EXPECT_EQ(order.size(), 2u);
}

TEST_F(host_limits_test, whoever_said_retry_after_is_left_alone_by_all_until_then) {
  with({});
  request(0);
  limits->answered(limits->now_us(), 429, "2");
  request(1);
  request(2);
  EXPECT_EQ(order, (std::vector{0}));
  EXPECT_EQ(limits->view().left_alone_until->us, wall.now().us + 2'000'000);
  limits->answered(limits->now_us(), 503, "1");
  advance(1'999'999);
  EXPECT_EQ(order, (std::vector{0}));
  advance(1);
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
  EXPECT_FALSE(limits->view().left_alone_until);
  EXPECT_EQ(limits->view().counters.throttled, 1u);
  EXPECT_EQ(limits->view().counters.unavailable, 1u);
}

TEST_F(host_limits_test, an_http_date_is_understood_and_a_long_pause_is_capped) {
  with({.retry_after_ms_max = 60'000});
  limits->answered(limits->now_us(), 429, "Wed, 25 Nov 2026 07:59:05 GMT");
  EXPECT_EQ(limits->view().left_alone_until->us, wall.now().us + 5'000'000);
  limits->answered(limits->now_us(), 429, "86400");
  EXPECT_EQ(limits->view().left_alone_until->us, wall.now().us + 60'000'000);
}

TEST_F(host_limits_test, answers_that_ask_for_nothing_pause_nothing) {
  with({});
  limits->answered(limits->now_us(), 200, "5");
  limits->answered(limits->now_us(), 429, std::nullopt);
  limits->answered(limits->now_us(), 429, "soon");
  limits->answered(limits->now_us(), 401, "5");
  EXPECT_FALSE(limits->view().left_alone_until);
  EXPECT_EQ(limits->view().counters.unauthorized, 1u);
}

TEST_F(host_limits_test, an_overloaded_host_is_met_with_fewer_connections) {
  with({.connections = {2, 16}});
  for (const std::size_t expected : {8u, 4u, 2u, 2u}) {
    advance(1'000);
    limits->answered(limits->now_us(), 429, std::nullopt);
    EXPECT_EQ(limits->connections_allowed(), expected);
  }
  EXPECT_EQ(limits->view().counters.halvings, 3u);
}

TEST_F(host_limits_test, time_outs_and_broken_connections_count_as_overload_but_a_stop_does_not) {
  with({.connections = {1, 16}});
  advance(1'000);
  limits->broke(limits->now_us(), errc::stopped);
  limits->broke(limits->now_us(), errc::corrupt);
  EXPECT_EQ(limits->connections_allowed(), 16u);
  limits->broke(limits->now_us(), errc::timed_out);
  EXPECT_EQ(limits->connections_allowed(), 8u);
  advance(1'000);
  limits->broke(limits->now_us(), errc::unavailable);
  EXPECT_EQ(limits->connections_allowed(), 4u);
}

TEST_F(host_limits_test, requests_that_come_to_nothing_are_counted_until_one_is_served) {
  with({});
  limits->answered(limits->now_us(), 401, std::nullopt);
  const timestamp first = wall.now();
  advance(1'000);
  limits->broke(limits->now_us(), errc::stopped);
  limits->broke(limits->now_us(), errc::timed_out);
  limits->answered(limits->now_us(), 500, std::nullopt);
  EXPECT_EQ(limits->view().vain.in_a_row, 3u);
  EXPECT_EQ(limits->view().vain.since, first);
  EXPECT_EQ(limits->view().vain.why, "status 500");
  for (const int served : {200, 202, 307, 404, 403}) {
    limits->answered(limits->now_us(), 429, std::nullopt);
    limits->answered(limits->now_us(), served, std::nullopt);
    EXPECT_EQ(limits->view().vain.in_a_row, 0u) << served;
  }
}

TEST_F(host_limits_test, bytes_go_in_pieces_at_their_rate) {
  with({.bytes_per_second = 100'000});
  EXPECT_TRUE(limits->paces_bytes());
  bytes(0, traffic::stream, 1 << 20);
  EXPECT_EQ(moved, 25'000u);
  bytes(1, traffic::stream, 10'000);
  advance(99'999);
  EXPECT_EQ(moved, 25'000u);
  advance(1);
  EXPECT_EQ(moved, 35'000u);
}

TEST_F(host_limits_test, no_piece_is_above_256_KiB) {
  with({.bytes_per_second = 1'000'000'000});
  bytes(0, traffic::stream, 64 << 20);
  EXPECT_EQ(moved, 256u * 1024);
}

TEST_F(host_limits_test, small_requests_go_before_blobs_but_do_not_starve_them) {
  with({.bytes_per_second = 64'000});
  bytes(0, traffic::stream, 16'384);
  for (int i = 1; i <= 2; ++i) bytes(i, traffic::stream, 16'000);
  for (int i = 11; i <= 17; ++i) bytes(i, traffic::small, 16'000);
  for (int i = 0; i < 9; ++i) advance(250'000);
  EXPECT_EQ(order, (std::vector{0, 11, 12, 13, 1, 14, 15, 16, 2, 17}));
}

TEST_F(host_limits_test, what_a_piece_did_not_need_goes_to_the_next) {
  with({.bytes_per_second = 100'000});
  asio::co_spawn(
      io,
      [this]() -> asio::awaitable<void> {
        auto granted = co_await limits->take_bytes(traffic::stream, 25'000);
        asio::co_spawn(io, move_bytes(1, traffic::stream, 20'000), asio::detached);
        co_await asio::post(io, asio::use_awaitable);
        granted->settle(1'000);
      },
      asio::detached);
  settle(io);
  EXPECT_EQ(order, (std::vector{1}));
}

TEST_F(host_limits_test, a_new_rate_holds_at_once_also_for_those_who_wait) {
  with({.bytes_per_second = 1'000, .requests_per_second = 0.001});
  bytes(0, traffic::stream, 16'384);
  bytes(1, traffic::stream, 16'384);
  request(2);
  request(3);
  EXPECT_EQ(order, (std::vector{0, 2}));
  limits->change({.bytes_per_second = std::optional<std::uint64_t>(0), .requests_per_second = std::nullopt});
  settle(io);
  EXPECT_EQ(order, (std::vector{0, 2, 1}));
  limits->change({.bytes_per_second = std::nullopt, .requests_per_second = std::optional<double>(1'000)});
  advance(1'000);
  EXPECT_EQ(order, (std::vector{0, 2, 1, 3}));
  EXPECT_EQ(limits->view().requests_by, limit_origin::operator_);
  limits->change({.bytes_per_second = std::optional<std::uint64_t>(), .requests_per_second = std::optional<double>()});
  EXPECT_EQ(limits->view().bytes_per_second, 1'000u);
  EXPECT_EQ(limits->view().requests_by, limit_origin::configuration);
}

TEST_F(host_limits_test, the_schedule_takes_over_when_its_hour_comes_and_ends) {
  host_limits_settings s;
  s.schedule = engine::bandwidth_schedule({engine::parse_schedule_window("wed 08:00-08:01", 64'000).value()});
  with(std::move(s));
  EXPECT_EQ(limits->view().bytes_per_second, 0u);
  EXPECT_EQ(limits->view().bytes_by, limit_origin::configuration);
  for (int i = 0; i < 5; ++i) bytes(i, traffic::stream, 16'384);
  EXPECT_EQ(order.size(), 5u);
  advance(60'000'000);  // 08:00
  EXPECT_EQ(limits->view().bytes_by, limit_origin::schedule);
  for (int i = 5; i < 600; ++i) bytes(i, traffic::stream, 16'384);
  EXPECT_EQ(order.size(), 6u);
  advance(59'999'999);
  EXPECT_LT(order.size(), 600u);
  advance(1);  // 08:01: nobody waits for the old rate
  EXPECT_EQ(order.size(), 600u);
}

TEST_F(host_limits_test, a_schedule_goes_by_local_time_and_an_operator_goes_before_it) {
  offset_s = 3'600;
  host_limits_settings s;
  s.bytes_per_second = 5'000;
  s.schedule = engine::bandwidth_schedule({engine::parse_schedule_window("08:30-09:30", 64'000).value()});
  with(std::move(s));
  EXPECT_EQ(limits->view().bytes_per_second, 64'000u);
  limits->change({.bytes_per_second = std::optional<std::uint64_t>(7'000), .requests_per_second = std::nullopt});
  EXPECT_EQ(limits->view().bytes_per_second, 7'000u);
  EXPECT_EQ(limits->view().bytes_by, limit_origin::operator_);
  limits->change({.bytes_per_second = std::optional<std::uint64_t>(), .requests_per_second = std::nullopt});
  EXPECT_EQ(limits->view().bytes_by, limit_origin::schedule);
  offset_s = 0;
  advance(60'000'000);
  EXPECT_EQ(limits->view().bytes_per_second, 5'000u);
}

TEST_F(host_limits_test, a_stop_ends_every_wait_and_every_later_one) {
  with({.bytes_per_second = 1'000, .requests_per_second = 0.001});
  bytes(0, traffic::stream, 16'384);
  bytes(1, traffic::stream, 1'000);
  bytes(2, traffic::small, 1'000);
  request(3);
  request(4);
  limits->stop();
  settle(io);
  EXPECT_EQ(refused, (std::vector{errc::stopped, errc::stopped, errc::stopped}));
  request(5);
  bytes(6, traffic::small, 1);
  EXPECT_EQ(refused.size(), 5u);
  EXPECT_EQ(limits->view().requests_waiting + limits->view().transfers_waiting, 0u);
  EXPECT_FALSE(time->due_us);
}

TEST_F(host_limits_test, too_many_waiters_are_told_so) {
  with({.requests_per_second = 0.001, .waiters_max = 2});
  for (int i = 0; i < 4; ++i) request(i);
  EXPECT_EQ(refused, (std::vector{errc::busy}));
  EXPECT_EQ(limits->view().requests_waiting, 2u);
}

TEST_F(host_limits_test, a_cancelled_wait_leaves_the_queue_and_takes_nothing) {
  with({.requests_per_second = 1});
  request(0);
  asio::cancellation_signal signal;
  asio::co_spawn(io, ask(1), asio::bind_cancellation_slot(signal.slot(), [](const std::exception_ptr&) {}));
  settle(io);
  request(2);
  signal.emit(asio::cancellation_type::terminal);
  settle(io);
  EXPECT_EQ(limits->view().requests_waiting, 1u);
  advance(1'000'000);
  EXPECT_EQ(order, (std::vector{0, 2}));
}

TEST_F(host_limits_test, waiters_that_are_never_resumed_are_forgotten_with_their_executor) {
  auto loop = std::make_unique<asio::io_context>();
  limits = host_limits::create(loop->get_executor(), wall, std::make_unique<tests::manual_alarm>(time),
                               {.host = "registry.test", .requests_per_second = 1}, [](timestamp) { return 0; });
  for (int i = 0; i < 3; ++i) asio::co_spawn(*loop, ask(i), asio::detached);
  settle(*loop);
  EXPECT_EQ(limits->view().requests_waiting, 2u);
  time->advance(1'000'000);  // granted, not resumed
  loop.reset();
  EXPECT_EQ(limits->view().requests_waiting, 0u);
  EXPECT_EQ(order, (std::vector{0}));
}

TEST_F(host_limits_test, whatever_is_asked_in_whatever_order_the_rate_is_kept) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    seeded_random random(seed);
    moved = 0;
    const std::uint64_t rate = 10'000 + random.below(1'000'000);
    with({.bytes_per_second = rate});
    const std::uint64_t burst = std::max<std::uint64_t>(16'384, rate / 4);
    const std::int64_t begin = time->now_us;
    for (int i = 0; i < 200; ++i) {
      bytes(i, random.below(2) == 0 ? traffic::small : traffic::stream, 1 + random.below(300'000));
      advance(static_cast<std::int64_t>(random.below(100'000)));
      const auto elapsed = static_cast<std::uint64_t>(time->now_us - begin);
      ASSERT_LE(moved, rate * elapsed / 1'000'000 + burst + 1) << "seed " << seed;
    }
    advance(3'600'000'000);
    EXPECT_EQ(limits->view().transfers_waiting, 0u) << "seed " << seed;
  }
}

}  // namespace
}  // namespace longshore::api
