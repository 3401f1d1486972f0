// Limits as they meet a real socket: several clients of one registry, on a time that the test owns.

#include <gtest/gtest.h>

#include <algorithm>

#include "api/http_client.h"
#include "api/registry_error.h"
#include "manual_alarm.h"

namespace longshore::api {
namespace {

namespace asio = boost::asio;
using tests::response;

class limited_client_test : public testing::Test {
 protected:
  void with(host_limits_settings s, int clients = 1) {
    limits = host_limits::create(io.get_executor(), wall, std::make_unique<tests::manual_alarm>(time), std::move(s),
                                 [](timestamp) { return 0; });
    for (int i = 0; i < clients; ++i) {
      http_options o;
      o.limits = limits;
      o.pool.per_host = 16;
      all.push_back(std::move(*http_client::create(io.get_executor(), std::move(o))));
    }
  }
  http_request to(const std::string& path, std::string method = "GET", traffic lane = traffic::small) {
    http_request r;
    r.method = std::move(method);
    r.to = *url::parse(server.url(path));
    r.lane = lane;
    return r;
  }
  void start(std::size_t client, http_request r) {
    asio::co_spawn(
        io,
        [](limited_client_test* t, std::size_t c, http_request q) -> asio::awaitable<void> {
          t->answers.push_back(co_await t->all[c]->send(std::move(q), 1 << 20));
        }(this, client, std::move(r)),
        asio::detached);
  }
  // Runs until the condition holds; fails the test when that takes a minute.
  template <class Condition>
  void run_until(Condition holds) {
    tests::run_test(io, [&]() -> asio::awaitable<void> {
      while (!holds()) co_await asio::post(io, asio::use_awaitable);
    });
  }
  // The same, letting the time go on whenever somebody waits for the limits.
  template <class Condition>
  void run_in_time_until(Condition holds) {
    run_until([&] {
      const auto v = limits->view();
      if (v.requests_waiting + v.transfers_waiting > 0) time->advance(1'000);
      return holds();
    });
  }

  asio::io_context io;
  tests::scripted_server server{io};
  manual_clock wall{parse_rfc3339("2026-11-25T08:00:00Z").value()};
  std::shared_ptr<tests::manual_time> time = std::make_shared<tests::manual_time>();
  std::shared_ptr<host_limits> limits;
  std::vector<std::unique_ptr<http_client>> all;
  std::vector<result<http_response>> answers;
};

TEST_F(limited_client_test, after_a_429_with_retry_after_every_client_of_the_registry_waits) {
  with({.connections = {1, 16}}, 2);
  server.reply(response(429, {{"Retry-After", "1"}}));
  for (int i = 0; i < 3; ++i) server.reply(response(200));
  start(0, to("/first"));
  run_until([&] { return answers.size() == 1; });
  EXPECT_EQ(answers[0]->head.status, 429);
  start(0, to("/second"));
  start(1, to("/third"));
  start(1, to("/fourth", "GET", traffic::stream));
  run_until([&] { return limits->view().requests_waiting == 3; });
  time->advance(999'999);
  for (int i = 0; i < 100; ++i) tests::settle(io);
  EXPECT_EQ(server.seen.size(), 1u);
  time->advance(1);
  run_until([&] { return answers.size() == 4; });
  EXPECT_EQ(server.seen.size(), 4u);
}

TEST_F(limited_client_test, an_answer_tells_how_long_it_was_waited_for_without_the_turn_of_its_request) {
  with({.requests_per_second = 1, .connections = {1, 16}});
  const auto reply_after = [this](std::int64_t us, tests::scripted_reply said) {
    server.reply([this, us, said, late = false](const tests::seen_request&) mutable {
      if (!std::exchange(late, true)) time->advance(us);
      return said;
    });
  };
  reply_after(0, {response(200)});
  reply_after(300'000, {response(500, {{"Connection", "close"}})});
  reply_after(400'000, {.close_after = true});
  for (std::size_t n = 1; n <= 3; ++n) {
    start(0, to("/" + std::to_string(n)));
    run_until([&] { return answers.size() == n || limits->view().requests_waiting == 1; });
    if (answers.size() < n) time->advance(1'000'000);
    run_until([&] { return answers.size() == n; });
  }
  EXPECT_EQ(answers[0]->head.waited_us, 0);
  EXPECT_EQ(answers[1]->head.waited_us, 300'000);
  EXPECT_EQ(registry_error(*answers[1], "asking", {}).waited_us, 300'000);
  ASSERT_FALSE(answers[2]);
  EXPECT_EQ(answers[2].error().waited_us, 400'000);
}

TEST_F(limited_client_test, a_503_with_an_http_date_does_the_same) {
  with({}, 2);
  server.reply(response(503, {{"Retry-After", "Wed, 25 Nov 2026 08:00:07 GMT"}}));
  server.reply(response(200));
  start(0, to("/first"));
  run_until([&] { return answers.size() == 1; });
  start(1, to("/second"));
  run_until([&] { return limits->view().requests_waiting == 1; });
  time->advance(6'999'999);
  tests::settle(io);
  EXPECT_EQ(server.seen.size(), 1u);
  time->advance(1);
  run_until([&] { return answers.size() == 2; });
  EXPECT_EQ(answers[1]->head.status, 200);
}

TEST_F(limited_client_test, after_many_429_no_more_than_the_least_connections_are_used) {
  with({.connections = {2, 16}});
  for (int i = 0; i < 4; ++i) {
    server.reply(response(429));
    time->advance(1'000);
    start(0, to("/refused"));
    run_until([&] { return answers.size() == static_cast<std::size_t>(i) + 1; });
  }
  EXPECT_EQ(limits->connections_allowed(), 2u);
  const std::size_t before = server.connections();
  for (int i = 0; i < 12; ++i) server.reply(response(200));
  for (int i = 0; i < 12; ++i) start(0, to("/" + std::to_string(i)));
  run_until([&] { return answers.size() == 16; });
  EXPECT_LE(server.connections(), before + 1);
  EXPECT_LE(server.connections(), 2u);
}

TEST_F(limited_client_test, a_resumed_download_does_not_wait_for_a_connection) {
  with({.connections = {1, 16}});
  for (int i = 0; i < 6; ++i) {
    time->advance(1'000);
    limits->broke(limits->now_us(), errc::timed_out);
  }
  ASSERT_EQ(limits->connections_allowed(), 1u);
  server.reply(response(200, {}, "held"));
  server.reply(response(206, {}, "rest"));
  std::unique_ptr<http_stream> held;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    held = std::move(*co_await all[0]->open(to("/one", "GET", traffic::stream)));
  });
  auto resumed = to("/two", "GET", traffic::stream);
  resumed.resumed = true;
  start(0, resumed);
  run_until([&] { return answers.size() == 1; });
  EXPECT_EQ(answers[0]->body, "rest");
}

TEST_F(limited_client_test, a_download_goes_at_the_rate_and_arrives_whole) {
  with({.bytes_per_second = 100'000});
  const std::string body(60'000, 'b');
  server.reply(response(200, {}, body));
  const std::int64_t begin = time->now_us;
  start(0, to("/blob", "GET", traffic::stream));
  run_in_time_until([&] { return answers.size() == 1; });
  EXPECT_EQ(answers[0]->body, body);
  EXPECT_GE(time->now_us - begin, 350'000);
  EXPECT_GE(limits->view().counters.bytes_in, 60'000u);
}

TEST_F(limited_client_test, a_chunked_download_goes_at_the_rate_and_arrives_whole) {
  with({.bytes_per_second = 100'000});
  const std::string half(30'000, 'b');
  server.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7530\r\n" + half + "\r\n7530\r\n" + half +
               "\r\n0\r\n\r\n");
  const std::int64_t begin = time->now_us;
  start(0, to("/blob", "GET", traffic::stream));
  run_in_time_until([&] { return answers.size() == 1; });
  ASSERT_TRUE(answers[0]) << answers[0].error().text;
  EXPECT_EQ(answers[0]->body, half + half);
  EXPECT_GE(time->now_us - begin, 350'000);
}

TEST_F(limited_client_test, an_upload_goes_at_the_rate_and_arrives_whole) {
  with({.bytes_per_second = 100'000});
  server.reply(response(201));
  const std::string body(60'000, 'u');
  const std::int64_t begin = time->now_us;
  bool done = false;
  asio::co_spawn(
      io,
      [&]() -> asio::awaitable<void> {
        auto up = co_await all[0]->upload(to("/up", "PUT", traffic::stream), body.size());
        EXPECT_TRUE(co_await (*up)->write(asio::buffer(body)));
        EXPECT_EQ((co_await (*up)->finish(100))->head.status, 201);
        done = true;
      },
      asio::detached);
  run_in_time_until([&] { return done; });
  EXPECT_EQ(server.seen.at(0).body, body);
  EXPECT_GE(time->now_us - begin, 350'000);
}

TEST_F(limited_client_test, both_directions_and_all_clients_share_one_rate) {
  with({.bytes_per_second = 100'000}, 2);
  const std::string body(30'000, 'b');
  server.reply(response(200, {}, body));
  server.reply(response(200));
  const std::int64_t begin = time->now_us;
  start(0, to("/down"));
  auto up = to("/up", "PUT");
  up.body = body;
  start(1, up);
  run_in_time_until([&] { return answers.size() == 2; });
  EXPECT_GE(time->now_us - begin, 350'000);
}

TEST_F(limited_client_test, requests_go_at_their_rate) {
  with({.requests_per_second = 10}, 2);
  for (int i = 0; i < 6; ++i) server.reply(response(200));
  const std::int64_t begin = time->now_us;
  for (std::size_t i = 0; i < 6; ++i) start(i % 2, to("/"));
  run_in_time_until([&] { return answers.size() == 6; });
  EXPECT_GE(time->now_us - begin, 300'000);
  EXPECT_EQ(limits->view().counters.requests, 6u);
}

TEST_F(limited_client_test, a_stop_ends_what_waits_for_the_limits) {
  with({.bytes_per_second = 1'000});
  server.reply(response(200, {}, std::string(100'000, 'b')));
  start(0, to("/blob", "GET", traffic::stream));
  run_until([&] { return limits->view().transfers_waiting == 1; });
  limits->stop();
  run_until([&] { return answers.size() == 1; });
  EXPECT_EQ(answers[0].error().code, errc::stopped);
}

TEST_F(limited_client_test, a_registry_that_is_not_there_is_not_asked_over_ever_more_connections) {
  with({.connections = {2, 16}});
  auto nowhere = to("/");
  nowhere.to = *url::parse("http://127.0.0.1:1/");
  for (std::size_t i = 1; i <= 3; ++i) {
    time->advance(1'000);
    start(0, nowhere);
    run_until([&] { return answers.size() == i; });
  }
  EXPECT_EQ(limits->connections_allowed(), 2u);
  EXPECT_EQ(limits->view().counters.broken, 3u);
}

// The last bytes of an answer, one by one, while so much time goes by at each look.
class slow_answer_test : public limited_client_test {
 protected:
  result<http_response> answer_at(std::int64_t us_per_look, std::string bytes, request_kind kind) {
    with({});
    server.reply(tests::scripted_reply{std::move(bytes), true, false, 2'000});
    auto r = to("/slow");
    r.kind = kind;
    start(0, std::move(r));
    run_until([&] {
      time->advance(us_per_look);
      return !answers.empty();
    });
    return answers.front();
  }
  const std::string body = std::string(3'000, 'x');
};

TEST_F(slow_answer_test, a_body_that_drips_has_stalled) {
  const auto slow = answer_at(1'000'000, response(200, {}, body), request_kind::blob);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, errc::timed_out) << slow.error().text;
}

TEST_F(slow_answer_test, a_body_of_chunks_that_drips_has_stalled) {
  const auto slow =
      answer_at(1'000'000, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nbb8\r\n" + body + "\r\n0\r\n\r\n",
                request_kind::manifest);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, errc::timed_out) << slow.error().text;
}

TEST_F(slow_answer_test, a_head_that_drips_has_stalled) {
  const auto slow = answer_at(1'000'000, "HTTP/1.1 200 OK\r\nX: " + body + "\r\n\r\n", request_kind::list);
  ASSERT_FALSE(slow);
  EXPECT_EQ(slow.error().code, errc::timed_out) << slow.error().text;
}

TEST_F(slow_answer_test, the_same_bytes_in_less_than_a_minute_are_whole) {
  const auto whole = answer_at(1, response(200, {}, body), request_kind::blob);
  ASSERT_TRUE(whole) << whole.error().text;
  EXPECT_EQ(whole->body, body);
}

TEST_F(slow_answer_test, a_peer_may_take_its_time) {
  const auto whole = answer_at(1'000'000, response(200, {}, body), request_kind::peer);
  ASSERT_TRUE(whole) << whole.error().text;
  EXPECT_EQ(whole->body, body);
}

TEST(least_progress, each_window_of_waiting_needs_its_bytes) {
  using std::chrono::seconds;
  least_progress progress({seconds(60), 10});
  EXPECT_TRUE(progress.came(1, seconds(59)));
  EXPECT_TRUE(progress.came(599, seconds(1)));
  EXPECT_TRUE(progress.came(1'000'000, seconds(1)));
  EXPECT_TRUE(progress.came(0, seconds(59))) << "what came in a window counts to its end";
  EXPECT_FALSE(progress.came(599, seconds(60)));
  least_progress any({seconds(60), 0});
  EXPECT_TRUE(any.came(1, seconds(1'000)));
}

}  // namespace
}  // namespace longshore::api
