#include "api/http_client.h"

#include <gtest/gtest.h>

#include "scripted_server.h"

namespace longshore::api {
namespace {

namespace asio = boost::asio;
using tests::response;
using tests::scripted_reply;

class http_client_test : public testing::Test {
 protected:
  http_client& client(http_options options = {}) {
    auto made = http_client::create(io.get_executor(), std::move(options));
    EXPECT_TRUE(made);
    return *(client_ = std::move(*made));
  }
  http_request to(const std::string& path, std::string method = "GET") {
    http_request r;
    r.method = std::move(method);
    r.to = *url::parse(server.url(path));
    return r;
  }
  result<http_response> got(http_request r, std::size_t bytes_max = 1 << 20) {
    result<http_response> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> asio::awaitable<void> { out = co_await client_->send(r, bytes_max); });
    return out;
  }
  errc code_of(http_request r, std::size_t bytes_max = 1 << 20) {
    auto out = got(std::move(r), bytes_max);
    EXPECT_FALSE(out);
    return out ? errc::stopped : out.error().code;
  }

  boost::asio::io_context io;
  tests::scripted_server server{io};
  std::unique_ptr<http_client> client_;
};

TEST_F(http_client_test, a_connection_is_used_again_for_the_next_request) {
  client();
  server.reply(response(200, {}, "one"));
  server.reply(response(200, {}, "two"));
  EXPECT_EQ(got(to("/1"))->body, "one");
  EXPECT_EQ(got(to("/2"))->body, "two");
  EXPECT_EQ(server.connections(), 1u);
  EXPECT_EQ(client_->counters().connections_opened, 1u);
  EXPECT_EQ(client_->counters().connections_reused, 1u);
  EXPECT_EQ(server.seen[0].header("Host"), server.address());
  EXPECT_EQ(server.seen[0].header("User-Agent").substr(0, 10), "longshore/");
}

TEST_F(http_client_test, a_connection_the_server_wants_closed_is_not_used_again) {
  client();
  server.reply(response(200, {{"Connection", "close"}}, "one"));
  server.reply(response(200, {}, "two"));
  EXPECT_TRUE(got(to("/1")));
  EXPECT_EQ(got(to("/2"))->body, "two");
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(http_client_test, a_kept_connection_closed_meanwhile_is_noticed_and_replaced) {
  client();
  server.reply(scripted_reply{response(200, {}, "one"), true});
  server.reply(response(200, {}, "two"));
  EXPECT_TRUE(got(to("/1")));
  io.restart();
  io.poll();
  EXPECT_EQ(got(to("/2"))->body, "two");
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(http_client_test, a_kept_connection_that_closes_instead_of_answering_is_retried_once_on_a_fresh_one) {
  client();
  server.reply(response(200, {}, "one"));
  server.reply(scripted_reply{"", true});
  server.reply(response(200, {}, "two"));
  EXPECT_TRUE(got(to("/1")));
  auto post = to("/2", "POST");
  post.body = "again";
  EXPECT_EQ(got(post)->body, "two");
  EXPECT_EQ(server.connections(), 2u);
  EXPECT_EQ(server.seen[2].body, "again");
  EXPECT_EQ(client_->counters().stale_retries, 1u);
}

TEST_F(http_client_test, a_fresh_connection_that_closes_instead_of_answering_is_a_failure) {
  client();
  server.reply(scripted_reply{"", true});
  server.reply(response(200, {}, "never asked for"));
  EXPECT_EQ(code_of(to("/")), errc::unavailable);
  EXPECT_EQ(server.seen.size(), 1u);
}

TEST_F(http_client_test, a_kept_connection_that_breaks_after_part_of_an_answer_is_not_retried) {
  client();
  server.reply(response(200, {}, "one"));
  server.reply(scripted_reply{"HTTP/1.1 200 OK\r\nConte", true});
  server.reply(response(200, {}, "never asked for"));
  EXPECT_TRUE(got(to("/1")));
  EXPECT_EQ(code_of(to("/2")), errc::unavailable);
  EXPECT_EQ(server.seen.size(), 2u);
}

TEST_F(http_client_test, a_truncated_body_is_a_failure_whatever_delimits_it) {
  client();
  for (const char* text : {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123"}) {
    server.reply(scripted_reply{text, true});
    EXPECT_EQ(code_of(to("/")), errc::unavailable) << text;
  }
}

TEST_F(http_client_test, the_end_of_a_chunked_body_may_come_byte_by_byte) {
  client();
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const std::string chunk : {"5\r\n12345\r\n", ""}) {
    for (const std::string trailer : {"", "T: v\r\n"}) {
      scripted_reply reply{head + chunk + "0\r\n" + trailer + "\r\n"};
      reply.bytewise = reply.bytes.size() - head.size();
      server.reply(reply);
      EXPECT_EQ(got(to("/"))->body, chunk.empty() ? "" : "12345");
    }
  }
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(http_client_test, chunked_and_close_delimited_bodies_are_read_to_their_end) {
  client();
  server.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3;x=y\r\nabc\r\n0\r\nT: v\r\n\r\n");
  server.reply(scripted_reply{"HTTP/1.1 200 OK\r\n\r\nto the end", true});
  EXPECT_EQ(got(to("/"))->body, "12345abc");
  EXPECT_EQ(got(to("/"))->body, "to the end");
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(http_client_test, interim_answers_are_passed_over) {
  client();
  server.reply("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + response(201, {}, "done"));
  const auto r = got(to("/"));
  ASSERT_TRUE(r);
  EXPECT_EQ(r->head.status, 201);
  EXPECT_EQ(r->body, "done");
}

TEST_F(http_client_test, nothing_but_interim_answers_is_corrupt) {
  client();
  std::string flood;
  for (int i = 0; i < 20; ++i) flood += "HTTP/1.1 100 Continue\r\n\r\n";
  server.reply(flood);
  EXPECT_EQ(code_of(to("/")), errc::corrupt);
}

TEST_F(http_client_test, the_answer_to_head_has_a_length_and_no_body_and_keeps_the_connection) {
  client();
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n");
  server.reply(response(204));
  const auto r = got(to("/", "HEAD"), 100);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->head.headers.find("content-length"), "9999999");
  EXPECT_EQ(r->body, "");
  EXPECT_TRUE(got(to("/")));
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(http_client_test, an_answer_that_stalls_times_out) {
  http_options o;
  o.stall_max = milliseconds(50);
  client(o);
  EXPECT_EQ(code_of(to("/no-reply")), errc::timed_out);
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345");
  EXPECT_EQ(code_of(to("/half-a-body")), errc::timed_out);
  server.reply("HTTP/1.1 200 OK\r\nContent-Le");
  EXPECT_EQ(code_of(to("/half-a-head")), errc::timed_out);
}

TEST_F(http_client_test, oversized_heads_and_bodies_are_refused) {
  http_options o;
  o.head_bytes_max = 4096;
  client(o);
  server.reply(response(200, {{"X-Large", std::string(8000, 'x')}}));
  EXPECT_EQ(code_of(to("/")), errc::unavailable);
  server.reply("HTTP/1.1 200 OK\r\nX-Endless: " + std::string(200'000, 'x'));
  EXPECT_EQ(code_of(to("/")), errc::unavailable);
  server.reply(response(200, {}, std::string(1001, 'x')));
  EXPECT_EQ(code_of(to("/"), 1000), errc::too_large);
  server.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + std::string(1001, 'x') +
               "\r\n0\r\n\r\n");
  EXPECT_EQ(code_of(to("/"), 1000), errc::too_large);
  server.reply(response(502, {}, std::string(1001, 'x')));
  EXPECT_EQ(code_of(to("/"), 1000), errc::unavailable) << "a proxy's page";
  server.reply(response(200, {}, std::string(1000, 'x')));
  EXPECT_EQ(got(to("/"), 1000)->body.size(), 1000u);
}

TEST_F(http_client_test, answers_that_are_not_http_are_corrupt) {
  client();
  for (const char* text : {"SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 2x0 OK\r\n\r\n",
                           "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    server.reply(text);
    EXPECT_EQ(code_of(to("/")), errc::corrupt) << text;
  }
}

TEST_F(http_client_test, values_that_would_break_out_of_their_line_are_not_sent) {
  client();
  auto r = to("/");
  r.headers.add("Content-Type", "text/plain\r\nX-Injected: yes");
  EXPECT_EQ(code_of(r), errc::invalid);
  auto t = to("/");
  t.to.path = "/a b";
  EXPECT_EQ(code_of(t), errc::invalid);
  EXPECT_TRUE(server.seen.empty());
}

TEST_F(http_client_test, nobody_listening_is_unavailable_and_says_where) {
  client();
  auto r = to("/");
  {
    boost::asio::ip::tcp::acceptor gone(io, {boost::asio::ip::address_v4::loopback(), 0});
    r.to.port = gone.local_endpoint().port();
  }
  auto out = got(r);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::unavailable);
  EXPECT_NE(out.error().text.find(std::to_string(r.to.port)), std::string::npos);
}

TEST_F(http_client_test, an_address_of_this_machine_is_refused_where_that_is_asked_for) {
  client();
  auto r = to("/");
  r.reach = local_reach::none;
  EXPECT_EQ(code_of(r), errc::denied);
  r.to.host = "localhost";
  EXPECT_EQ(code_of(r), errc::denied);
  EXPECT_EQ(server.connections(), 0u);
}

TEST_F(http_client_test, a_streamed_body_arrives_whole_in_small_and_large_reads) {
  client();
  std::string body;
  for (int i = 0; i < 300'000; ++i) body.push_back(static_cast<char>('a' + i % 26));
  server.reply(response(200, {}, body));
  std::string read;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto stream = co_await client_->open(to("/"));
    EXPECT_TRUE(stream);
    EXPECT_EQ((*stream)->content_length(), body.size());
    std::vector<char> piece(7'001);
    for (;;) {
      auto n = co_await (*stream)->read(asio::buffer(piece));
      EXPECT_TRUE(n);
      if (!n || *n == 0) break;
      read.append(piece.data(), *n);
    }
  });
  EXPECT_TRUE(read == body);
  EXPECT_GE(client_->counters().of(request_kind::manifest).bytes_in, body.size());
}

TEST_F(http_client_test, an_upload_is_one_request_of_known_length) {
  client();
  server.reply(response(201, {}, "stored"));
  result<http_response> answer = fail(errc::stopped, "");
  const std::string body(700'000, 'z');
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto up = co_await client_->upload(to("/u", "PUT"), body.size());
    EXPECT_TRUE(up);
    for (std::size_t at = 0; at < body.size(); at += 100'000) {
      EXPECT_TRUE(co_await (*up)->write(asio::buffer(body.data() + at, 100'000)));
    }
    answer = co_await (*up)->finish(1000);
  });
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head.status, 201);
  EXPECT_TRUE(server.seen[0].body == body);
  EXPECT_EQ(server.seen[0].header("Content-Length"), "700000");
}

TEST_F(http_client_test, an_upload_of_more_than_its_length_is_refused) {
  client();
  result<> written;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto up = co_await client_->upload(to("/u", "PUT"), 3);
    const std::string four = "1234";
    written = co_await (*up)->write(asio::buffer(four));
  });
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, errc::invalid);
}

TEST_F(http_client_test, an_answer_in_the_middle_of_an_upload_is_heard) {
  client();
  server.reply(scripted_reply{response(413, {{"Connection", "close"}}, "too big"), false, true});
  result<http_response> answer = fail(errc::stopped, "");
  result<> written;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto up = co_await client_->upload(to("/u", "PUT"), 1ull << 40);
    const std::string piece(256 * 1024, 'x');
    do {
      written = co_await (*up)->write(asio::buffer(piece));
    } while (written);
    answer = co_await (*up)->finish(1000);
  });
  EXPECT_EQ(written.error().code, errc::conflict);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->head.status, 413);
  EXPECT_EQ(answer->body, "too big");
}

TEST_F(http_client_test, an_upload_on_a_kept_connection_that_closed_goes_over_a_fresh_one) {
  client();
  server.reply(response(200, {}, "one"));
  server.reply(scripted_reply{"", true, true});
  server.reply(response(201));
  EXPECT_TRUE(got(to("/1")));
  result<http_response> answer = fail(errc::stopped, "");
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto up = co_await client_->upload(to("/u", "PUT"), 0);
    answer = co_await (*up)->finish(1000);
  });
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->head.status, 201);
  EXPECT_EQ(server.connections(), 2u);
}

TEST_F(http_client_test, small_requests_do_not_wait_for_streams) {
  http_options o;
  o.pool.per_host = 3;
  o.pool.kept_for_small = 1;
  client(o);
  // Two streams are open and unread; a third has to wait, a small request has not.
  for (int i = 0; i < 2; ++i) server.reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1");
  server.reply(response(200, {}, "small"));
  server.reply(response(200, {}, "third"));
  auto stream_request = to("/blob");
  stream_request.lane = traffic::stream;
  std::vector<std::string> order;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto a = co_await client_->open(stream_request);
    auto b = co_await client_->open(stream_request);
    EXPECT_TRUE(a && b);
    bool third_done = false;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          auto c = co_await client_->send(stream_request, 100);
          EXPECT_EQ(c->body, "third");
          order.push_back("third");
          third_done = true;
        },
        asio::detached);
    auto small = co_await client_->send(to("/small"), 100);
    EXPECT_EQ(small->body, "small");
    order.push_back("small");
    a->reset();
    while (!third_done) co_await asio::post(asio::use_awaitable);
  });
  EXPECT_EQ(order, (std::vector<std::string>{"small", "third"}));
}

TEST_F(http_client_test, a_full_queue_for_a_host_is_busy) {
  http_options o;
  o.pool.per_host = 2;
  o.pool.kept_for_small = 1;
  o.pool.waiters_max = 1;
  client(o);
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1");
  server.reply(response(200, {}, "waited"));
  auto r = to("/");
  r.lane = traffic::stream;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto held = co_await client_->open(r);
    bool waited = false;
    asio::co_spawn(
        io,
        [&]() -> asio::awaitable<void> {
          EXPECT_TRUE(co_await client_->send(r, 100));
          waited = true;
        },
        asio::detached);
    co_await asio::post(asio::use_awaitable);
    auto refused = co_await client_->send(r, 100);
    EXPECT_FALSE(refused);
    EXPECT_EQ(refused.error().code, errc::busy);
    held->reset();
    while (!waited) co_await asio::post(asio::use_awaitable);
  });
}

TEST_F(http_client_test, a_cancelled_waiter_leaves_its_place_to_the_next) {
  http_options o;
  o.pool.per_host = 2;
  o.pool.kept_for_small = 1;
  client(o);
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n1");
  server.reply(response(200, {}, "next"));
  auto r = to("/");
  r.lane = traffic::stream;
  tests::run_test(io, [&]() -> asio::awaitable<void> {
    auto held = co_await client_->open(r);
    asio::cancellation_signal stop;
    bool ended = false;
    asio::co_spawn(
        io, [&]() -> asio::awaitable<void> { static_cast<void>(co_await client_->send(r, 100)); },
        asio::bind_cancellation_slot(stop.slot(), [&](std::exception_ptr) { ended = true; }));
    co_await asio::post(asio::use_awaitable);
    stop.emit(asio::cancellation_type::terminal);
    while (!ended) co_await asio::post(asio::use_awaitable);
    held->reset();
    auto next = co_await client_->send(r, 100);
    EXPECT_TRUE(next);
    if (next) EXPECT_EQ(next->body, "next");
  });
}

}  // namespace
}  // namespace longshore::api
