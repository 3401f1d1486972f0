#include "api/http_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdlib>
#include <list>

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

class http_server_test : public site_test {
 protected:
  server_counters counters() {
    return on_server([&] { return server_->counters(); });
  }
  // A route that knows whoever asks.
  void add_trusting(const char* path) {
    route r;
    r.method = "GET";
    r.pattern = path;
    r.handle = [](exchange& x) -> asio::awaitable<void> {
      x.reply(text_answer("yours\n"));
      co_return;
    };
    r.admit = [](request&) -> std::optional<answer> { return std::nullopt; };
    routes_.add(std::move(r));
  }
  // With a certificate made for this test.
  http_server_options with_tls() {
    http_server_options o;
    o.tls_certificate = dir_.path() / "cert.pem";
    o.tls_key = dir_.path() / "key.pem";
    const std::string make =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
        "-keyout " +
        o.tls_key.string() + " -out " + o.tls_certificate.string() + " 2>/dev/null";
    EXPECT_EQ(std::system(make.c_str()), 0);
    return o;
  }
  void add(const char* path, handler h) {
    route r;
    r.method = "GET";
    r.pattern = path;
    r.handle = std::move(h);
    routes_.add(std::move(r));
  }
};

TEST_F(http_server_test, one_connection_carries_many_requests_also_when_they_come_at_once) {
  open();
  raw_client c = connect();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(c.ask(get("/healthz", "")).status, 200);
  c.send(get("/healthz", "") + get("/nothing", "") + get("/healthz", ""));
  EXPECT_EQ(c.receive().status, 200);
  EXPECT_EQ(c.receive().status, 404);
  EXPECT_EQ(c.receive().body, "ok\n");
}

TEST_F(http_server_test, a_request_in_single_bytes_is_understood) {
  open();
  raw_client c = connect();
  for (char b : get("/healthz", "")) c.send(std::string_view(&b, 1));
  EXPECT_EQ(c.receive().status, 200);
}

TEST_F(http_server_test, head_has_the_headers_of_get_and_no_body) {
  open();
  raw_client c = connect();
  c.send("HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(c.receive(true).headers.at("content-length"), "3");
  EXPECT_EQ(c.ask(get("/healthz", "")).status, 200);
}

TEST_F(http_server_test, connection_close_and_http_1_0_end_the_connection) {
  open();
  raw_client c = connect();
  c.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_NE(c.rest().find("Connection: close"), std::string::npos);
  raw_client old = connect();
  old.send("GET /healthz HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.rest().ends_with("ok\n"));
}

TEST_F(http_server_test, garbage_is_answered_400_and_the_connection_closed) {
  open();
  for (const std::string& garbage :
       {std::string("\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 11), std::string("hello\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("GET / HTTP/1.1\r\nno colon\r\n\r\n"),
        std::string("POST /v1/events/north HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
        std::string("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), std::string(20'000, '\0')}) {
    raw_client c = connect();
    c.send(garbage);
    const std::string said = c.rest();
    EXPECT_TRUE(said.starts_with("HTTP/1.1 4")) << garbage << " -> " << said;
  }
  EXPECT_GE(counters().malformed, 8u);
  EXPECT_EQ(connect().ask(get("/healthz", "")).status, 200);
}

TEST_F(http_server_test, a_broken_chunk_is_400) {
  open();
  raw_client c = connect();
  c.send(
      "POST /v1/events/north HTTP/1.1\r\nHost: x\r\nAuthorization: north-token\r\n"
      "Transfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n0\r\n\r\n");
  EXPECT_TRUE(c.rest().starts_with("HTTP/1.1 400"));
  EXPECT_EQ(quarantine_->count(), 0u);
}

TEST_F(http_server_test, a_head_over_the_limit_is_431) {
  open();
  EXPECT_EQ(connect().ask("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n").status, 431);
  EXPECT_EQ(connect().ask("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + std::string(15'000, 'x') + "\r\n\r\n").status,
            200);
}

TEST_F(http_server_test, expect_100_continue_is_obeyed_and_a_refusal_comes_instead_of_it) {
  open();
  const std::string body = fixture("v2.8-push-blob.json");
  const auto head = [&](const char* token) {
    return "POST /v1/events/north HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nAuthorization: " + std::string(token) +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  };
  raw_client c = connect();
  EXPECT_EQ(c.ask(head("north-token")).status, 100);
  EXPECT_EQ(c.ask(body).status, 200);
  EXPECT_EQ(connect().ask(head("wrong")).status, 401);
}

// Each limit by itself: a client that must be served has all the time that a busy machine may need.
TEST_F(http_server_test, a_client_that_does_not_finish_its_head_is_dropped_at_the_limit) {
  limits_.header_ms_max = milliseconds(80);
  open();
  raw_client silent = connect(), half_head = connect();
  half_head.send("GET /healthz HTT");
  EXPECT_EQ(silent.rest(), "");
  EXPECT_EQ(half_head.rest(), "");
  EXPECT_EQ(counters().timed_out, 2u);
  EXPECT_EQ(counters().connections, 0u);
}

TEST_F(http_server_test, a_client_that_does_not_finish_its_body_is_dropped_at_the_limit) {
  limits_.body_ms_max = milliseconds(80);
  open();
  raw_client half_body = connect();
  half_body.send(
      "POST /v1/events/north HTTP/1.1\r\nHost: x\r\nAuthorization: north-token\r\nContent-Length: 9\r\n\r\n{");
  EXPECT_EQ(half_body.rest(), "");
  EXPECT_EQ(counters().timed_out, 1u);
  EXPECT_EQ(counters().connections, 0u);
}

TEST_F(http_server_test, a_client_that_asks_nothing_more_is_dropped_at_the_limit) {
  limits_.idle_ms_max = milliseconds(80);
  open();
  raw_client idle = connect();
  EXPECT_EQ(idle.ask(get("/healthz", "")).status, 200);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_EQ(counters().timed_out, 1u);
  EXPECT_EQ(counters().connections, 0u);
}

TEST_F(http_server_test, a_head_that_trickles_is_dropped_though_bytes_keep_coming) {
  limits_.header_ms_max = milliseconds(80);
  open();
  raw_client c = connect();
  c.send("GET /healthz HTTP/1.1\r\n");
  const auto trickle = [&] {
    for (;;) c.send("X: y\r\n");  // never an empty line; ends when the connection does, or at the head's limit
  };
  EXPECT_THROW(trickle(), boost::system::system_error);
}

TEST_F(http_server_test, a_client_that_does_not_read_is_dropped_at_the_limit) {
  limits_.write_stall_ms_max = milliseconds(80);
  bool told = false;
  add("/flood", [&](exchange& x) -> asio::awaitable<void> {
    const std::string piece(1u << 20, 'x');
    auto sent = co_await x.begin_stream(text_answer(""));
    while (sent) sent = co_await x.write(piece);
    told = sent.error().code == errc::unavailable;
  });
  open();
  raw_client c = connect();
  c.send(get("/flood", ""));
  await([&] { return told; });
}

TEST_F(http_server_test, a_client_that_reads_slowly_is_served_for_as_long_as_it_goes_on_reading) {
  limits_.write_stall_ms_max = milliseconds(400);
  const std::string large(8u << 20, 'x');
  add("/large", [&](exchange& x) -> asio::awaitable<void> {
    x.reply(text_answer(large));
    co_return;
  });
  open();
  asio::io_context io;
  asio::ip::tcp::socket slow(io);
  slow.open(asio::ip::tcp::v4());
  slow.set_option(asio::socket_base::receive_buffer_size(16u << 10));  // what waits, waits at the server
  slow.connect({asio::ip::address_v4::loopback(), server_->port()});
  asio::write(slow, asio::buffer(get("/large", "", "Connection: close\r\n")));
  std::string got;
  std::vector<char> piece(64u << 10);
  const auto begun = std::chrono::steady_clock::now();
  for (;;) {
    boost::system::error_code ec;
    const std::size_t n = slow.read_some(asio::buffer(piece), ec);
    if (ec) break;
    got.append(piece.data(), n);
    // At most 8 MB a second: all of it takes far longer than the limit, no piece of it does.
    asio::steady_timer(io, begun + std::chrono::microseconds(got.size() / 8)).wait();
  }
  EXPECT_TRUE(got.ends_with(large)) << got.size();
}

TEST_F(http_server_test, a_stream_that_is_asked_for_with_head_ends) {
  bool ended = false;
  add("/stream", [&](exchange& x) -> asio::awaitable<void> {
    auto sent = co_await x.begin_stream(text_answer(""));
    while (sent) sent = co_await x.write("x");
    ended = true;
  });
  open();
  raw_client c = connect();
  c.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(c.receive(true).status, 200);
  await([&] { return ended; });
  EXPECT_EQ(c.ask(get("/healthz", "")).status, 200);
}

TEST_F(http_server_test, a_body_whose_end_cannot_be_told_is_400) {
  open();
  const std::string smuggled = get("/healthz", "");
  for (const char* coding :
       {"gzip", "identity", "chunked, gzip", "gzip, chunked", "xchunked", "", "\r\nTransfer-Encoding: xchunked",
        "chunked\r\nTransfer-Encoding: chunked", "\r\nTransfer-Encoding: chunked"}) {
    raw_client c = connect();
    c.send("POST /v1/events/north HTTP/1.1\r\nHost: x\r\nAuthorization: north-token\r\nTransfer-Encoding: " +
           std::string(coding) + "\r\n\r\n" + smuggled);
    const std::string said = c.rest();
    EXPECT_TRUE(said.starts_with("HTTP/1.1 400")) << coding << " -> " << said;
    EXPECT_EQ(said.find("HTTP/1.1 2"), std::string::npos) << coding << ": one answer, and the end";
  }
}

TEST_F(http_server_test, a_request_without_its_one_host_or_with_a_coding_in_http_1_0_is_400) {
  open();
  for (const char* head : {"GET /healthz HTTP/1.1\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
                           "GET /healthz HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}) {
    raw_client c = connect();
    c.send(head);
    EXPECT_TRUE(c.rest().starts_with("HTTP/1.1 400")) << head;
  }
}

TEST_F(http_server_test, connections_over_the_limit_are_answered_503) {
  limits_.connections_max = 2;
  add_trusting("/mine");
  open();
  raw_client a = connect(), b = connect();
  EXPECT_EQ(a.ask(get("/mine", "")).status, 200);
  EXPECT_EQ(b.ask(get("/mine", "")).status, 200);
  raw_client c = connect();
  EXPECT_EQ(c.receive().status, 503);
  EXPECT_EQ(a.ask(get("/healthz", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 1u);
}

TEST_F(http_server_test, whoever_only_holds_connections_makes_room_for_others) {
  limits_.connections_max = 3;
  add_trusting("/mine");
  open();
  raw_client mine = connect();
  EXPECT_EQ(mine.ask(get("/mine", "")).status, 200);
  std::list<raw_client> holders;
  for (int i = 0; i < 20; ++i) {
    holders.emplace_back(server_->port());
    EXPECT_EQ(holders.back().ask(get("/healthz", "")).status, 200);
  }
  EXPECT_EQ(mine.ask(get("/healthz", "")).status, 200) << "it has shown a token";
  EXPECT_EQ(connect().ask(get("/healthz", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 0u);
  EXPECT_GE(counters().evicted, 18u);
  EXPECT_LE(counters().connections, 3u);
}

TEST_F(http_server_test, whoever_does_not_finish_its_head_makes_room_for_others) {
  limits_.connections_max = 3;
  add_trusting("/mine");
  open();
  std::list<raw_client> holders;
  for (int i = 0; i < 3; ++i) {
    holders.emplace_back(server_->port());
    holders.back().send("GET /healthz HT");
  }
  EXPECT_EQ(connect().ask(get("/mine", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 0u);
  EXPECT_GE(counters().evicted, 1u);
}

TEST_F(http_server_test, whoever_withholds_its_body_or_was_refused_makes_room_for_others) {
  limits_.connections_max = 3;
  add_trusting("/mine");
  route open_to_all;
  open_to_all.method = "POST";
  open_to_all.pattern = "/open";
  open_to_all.handle = [](exchange& x) -> asio::awaitable<void> {
    x.reply(text_answer("taken\n"));
    co_return;
  };
  routes_.add(std::move(open_to_all));
  open();
  std::list<raw_client> holders;
  for (int i = 0; i < 3; ++i) {
    holders.emplace_back(server_->port());
    holders.back().send("POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(holders.back().receive(true).status, 100) << "it waits for the body now";
  }
  EXPECT_EQ(connect().ask(get("/mine", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 0u);
  for (int i = 0; i < 6; ++i) {
    holders.emplace_back(server_->port());
    holders.back().send("POST /v1/events/north HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{");
    EXPECT_EQ(holders.back().receive().status, 401) << "what it has not sent yet is drained now";
  }
  EXPECT_EQ(connect().ask(get("/mine", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 0u);
}

TEST_F(http_server_test, whoever_does_not_take_its_answers_makes_room_for_others) {
  limits_.connections_max = 3;
  limits_.write_stall_ms_max = milliseconds(600'000);
  add_trusting("/mine");
  const std::string large(32u << 20, 'x');
  int made = 0;
  add("/large", [&](exchange& x) -> asio::awaitable<void> {
    x.reply(text_answer(large));
    ++made;
    co_return;
  });
  open();
  std::list<raw_client> holders;
  for (int i = 0; i < 3; ++i) {
    holders.emplace_back(server_->port());
    holders.back().send(get("/large", ""));
  }
  await([&] { return made == 3; });
  EXPECT_EQ(connect().ask(get("/mine", "")).status, 200);
  EXPECT_EQ(counters().turned_away, 0u);
  EXPECT_EQ(counters().evicted, 1u);
}

TEST_F(http_server_test, many_requests_sent_at_once_do_not_keep_the_others_waiting) {
  int served = 0, served_before_the_other = 0;
  add("/count", [&](exchange& x) -> asio::awaitable<void> {
    if (++served == 1) asio::post(co_await asio::this_coro::executor, [&] { served_before_the_other = served; });
    x.reply(text_answer("counted\n"));
  });
  open();
  raw_client c = connect();
  std::string all;
  constexpr int many = 50;
  for (int i = 0; i < many; ++i) all += get("/count", "");
  c.send(all);
  for (int i = 0; i < many; ++i) ASSERT_EQ(c.receive().status, 200);
  EXPECT_GT(served_before_the_other, 0);
  EXPECT_LT(served_before_the_other, 5);
}

TEST_F(http_server_test, stopping_lets_running_requests_be_answered_and_refuses_new_ones) {
  engine::wait_list gate;
  add("/slow", [&](exchange& x) -> asio::awaitable<void> {
    co_await gate.wait();
    x.reply(text_answer("done\n"));
  });
  open();
  raw_client slow = connect(), idle = connect();
  EXPECT_EQ(idle.ask(get("/healthz", "")).status, 200);
  slow.send(get("/slow", ""));
  await([&] { return gate.size() == 1; });
  const std::uint16_t port = server_->port();
  auto stopped = asio::co_spawn(io_, server_->stop(milliseconds(60'000)), asio::use_future);
  EXPECT_EQ(idle.rest(), "");
  EXPECT_THROW(raw_client{port}, boost::system::system_error);
  on_server([&] { gate.notify_all(); });
  const raw_answer a = slow.receive();
  EXPECT_EQ(a.body, "done\n");
  EXPECT_EQ(a.headers.at("connection"), "close");
  stopped.get();
}

TEST_F(http_server_test, stopping_ends_at_its_deadline_whatever_still_runs) {
  engine::wait_list gate;
  add("/stuck", [&](exchange&) -> asio::awaitable<void> { co_await gate.wait(); });
  open();
  raw_client stuck = connect();
  stuck.send(get("/stuck", ""));
  await([&] { return gate.size() == 1; });
  asio::co_spawn(io_, server_->stop(milliseconds(30)), asio::use_future).get();
  EXPECT_EQ(stuck.rest(), "");
}

TEST_F(http_server_test, an_address_in_use_or_unreadable_is_refused_with_a_remedy) {
  open();
  http_server_options o;
  o.address = "127.0.0.1:" + std::to_string(server_->port());
  const auto taken = http_server::listen(io_.get_executor(), routes_, o);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, errc::unavailable);
  for (const char* bad : {"", "127.0.0.1", "nowhere:80", "127.0.0.1:99999", "127.0.0.1:"}) {
    o.address = bad;
    const auto refused = http_server::listen(io_.get_executor(), routes_, o);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, errc::invalid) << bad;
  }
  o.address = "127.0.0.1:0";
  o.tls_certificate = o.tls_key = dir_.path() / "missing.pem";
  EXPECT_EQ(http_server::listen(io_.get_executor(), routes_, o).error().code, errc::invalid);
}

TEST_F(http_server_test, whoever_hangs_in_a_handshake_makes_room_for_others) {
  open();
  http_server_options o = with_tls();
  o.limits.connections_max = 2;
  auto made = http_server::listen(io_.get_executor(), routes_, o);
  ASSERT_TRUE(made) << made.error().text;
  std::unique_ptr<http_server> tls = *std::move(made);
  on_server([&] { tls->start(); });
  raw_client silent(tls->port()), halfway(tls->port());
  halfway.send("\x16\x03\x01");  // how a ClientHello begins
  await([&] { return tls->counters().accepted == 2; });
  asio::io_context io;
  asio::ssl::context trust(asio::ssl::context::tls_client);
  trust.load_verify_file(o.tls_certificate.string());
  trust.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, trust);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), tls->port()});
  boost::system::error_code ec;
  stream.handshake(asio::ssl::stream_base::client, ec);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(on_server([&] { return tls->counters().evicted; }), 1u);
  EXPECT_EQ(on_server([&] { return tls->counters().turned_away; }), 0u);
  asio::co_spawn(io_, tls->stop(milliseconds(1'000)), asio::use_future).get();
  on_server([&] { tls.reset(); });
}

TEST_F(http_server_test, tls_serves_the_same_and_drops_clients_that_do_not_speak_it) {
  open();
  const http_server_options o = with_tls();
  auto made = http_server::listen(io_.get_executor(), routes_, o);
  ASSERT_TRUE(made) << made.error().text;
  std::unique_ptr<http_server> tls = *std::move(made);
  on_server([&] { tls->start(); });

  asio::io_context io;
  asio::ssl::context trust(asio::ssl::context::tls_client);
  trust.load_verify_file(o.tls_certificate.string());
  trust.set_verify_mode(asio::ssl::verify_peer);
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, trust);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), tls->port()});
  stream.handshake(asio::ssl::stream_base::client);
  boost::beast::flat_buffer buffer;
  for (int i = 0; i < 2; ++i) {
    asio::write(stream, asio::buffer(get("/", "")));
    boost::beast::http::response<boost::beast::http::string_body> said;
    boost::beast::http::read(stream, buffer, said);
    EXPECT_EQ(said.result_int(), 200u);
    EXPECT_GT(said.body().size(), 1'000u);
  }
  raw_client plain(tls->port());
  plain.send(get("/healthz", ""));
  plain.rest();
  await([&] { return tls->counters().handshake_failures == 1; });
  asio::co_spawn(io_, tls->stop(milliseconds(1'000)), asio::use_future).get();
  on_server([&] { tls.reset(); });
}

}  // namespace
}  // namespace longshore::api
