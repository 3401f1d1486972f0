#include "api/peer_client.h"

#include <gtest/gtest.h>

#include "api/log_frames.h"
#include "scripted_server.h"

namespace longshore::api {
namespace {

using tests::response;
using tests::scripted_reply;

class peer_client_test : public testing::Test {
 protected:
  void SetUp() override { make("", {}); }
  void make(const std::string& prefix, http_options http) {
    auto made = peer_client::create(io.get_executor(), now, {server.url(prefix), "the-token", http});
    ASSERT_TRUE(made);
    client = std::move(*made);
  }
  static std::string frames(std::uint64_t first, const std::vector<std::string>& records, std::uint64_t durable) {
    std::string out;
    append_heartbeat_frame(out);
    for (const auto& r : records) append_record_frame(out, r);
    log_page_end end{{first}, first + records.size(), {}, durable};
    end.root[0] = 7;
    append_page_end_frame(out, end);
    return out;
  }
  static std::string page(const std::string& body) {
    return response(200, {{"Content-Type", std::string(log_media_type)}, {"Longshore-Log-Identity", "id-1"}}, body);
  }
  result<engine::log_page> read(std::uint64_t from, std::size_t bytes_max = 1 << 20, int wait_s = 30) {
    result<engine::log_page> out = fail(errc::stopped, "not run");
    tests::run_test(io,
                    [&]() -> boost::asio::awaitable<void> { out = co_await client->read({from}, bytes_max, wait_s); });
    return out;
  }
  errc code(std::uint64_t from) {
    auto r = read(from);
    EXPECT_FALSE(r);
    return r ? errc::stopped : r.error().code;
  }

  boost::asio::io_context io;
  tests::scripted_server server{io};
  manual_clock now{{0}};
  std::unique_ptr<peer_client> client;
};

TEST_F(peer_client_test, a_page_brings_the_records_and_the_root) {
  server.reply(page(frames(3, {"r3", "r4"}, 9)));
  const auto p = read(3);
  ASSERT_TRUE(p) << p.error().text;
  EXPECT_EQ(p->log_identity, "id-1");
  EXPECT_EQ(p->first.value, 3u);
  EXPECT_EQ(p->records, (std::vector<std::string>{"r3", "r4"}));
  EXPECT_EQ(p->root[0], 7);
  EXPECT_EQ(p->durable_size, 9u);
  EXPECT_EQ(server.seen[0].target, "/v1/log/events?after=2&max_bytes=1048576&wait=30");
  EXPECT_EQ(server.seen[0].header("Authorization"), "Bearer the-token");
  EXPECT_EQ(server.seen[0].header("Accept"), log_media_type);
}

TEST_F(peer_client_test, the_beginning_is_asked_for_without_a_position) {
  server.reply(page(frames(0, {}, 0)));
  const auto p = read(0);
  ASSERT_TRUE(p);
  EXPECT_TRUE(p->records.empty());
  EXPECT_EQ(server.seen[0].target, "/v1/log/events?max_bytes=1048576&wait=30");
}

TEST_F(peer_client_test, pages_come_over_one_connection_also_when_chunked) {
  const auto body = frames(0, {"r0"}, 2);
  std::string chunked = "HTTP/1.1 200 OK\r\nContent-Type: " + std::string(log_media_type) +
                        "\r\nLongshore-Log-Identity: id-1\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (const char c : body) chunked += std::string("1\r\n") + c + "\r\n";
  server.reply(chunked + "0\r\n\r\n");
  server.reply(page(frames(1, {"r1"}, 2)));
  EXPECT_EQ(read(0)->records, std::vector<std::string>{"r0"});
  EXPECT_EQ(read(1)->records, std::vector<std::string>{"r1"});
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(peer_client_test, pages_that_do_not_add_up_are_corrupt) {
  std::string more = frames(3, {"r3"}, 9);
  server.reply(page(frames(4, {"r4"}, 9)));
  EXPECT_EQ(code(3), errc::corrupt);
  server.reply(page(frames(3, {"r3", "r4"}, 4)));
  EXPECT_EQ(code(3), errc::corrupt);
  std::string wrong_count;
  append_record_frame(wrong_count, "r3");
  append_page_end_frame(wrong_count, {{3}, 5, {}, 9});
  server.reply(page(wrong_count));
  EXPECT_EQ(code(3), errc::corrupt);
  server.reply(response(200, {{"Content-Type", std::string(log_media_type)}}, more));
  EXPECT_EQ(code(3), errc::corrupt);
  server.reply(response(200, {{"Content-Type", "text/html"}}, "<html>"));
  EXPECT_EQ(code(3), errc::corrupt);
  server.reply(page("garbage that is no frame at all"));
  EXPECT_EQ(code(3), errc::corrupt);
}

TEST_F(peer_client_test, a_page_without_its_end_is_unavailable) {
  const auto whole = frames(0, {"r0"}, 1);
  server.reply(page(whole.substr(0, whole.size() - 3)));
  EXPECT_EQ(code(0), errc::unavailable);
  server.reply(scripted_reply{page(whole).substr(0, page(whole).size() - 3), true});
  EXPECT_EQ(code(0), errc::unavailable);
}

TEST_F(peer_client_test, more_than_was_asked_for_is_too_large) {
  std::string flood;
  for (int i = 0; i < 40; ++i) append_record_frame(flood, std::string(65'000, 'x'));
  server.reply(page(flood));
  auto r = read(0, 10'000);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::too_large);
}

TEST_F(peer_client_test, refusals_have_their_meaning) {
  const std::vector<std::pair<int, errc>> expected{
      {401, errc::unauthorized}, {403, errc::denied},    {404, errc::unavailable}, {409, errc::conflict},
      {410, errc::conflict},     {429, errc::throttled}, {500, errc::unavailable}, {302, errc::unavailable}};
  for (const auto& [status, meaning] : expected) {
    server.reply(response(status));
    EXPECT_EQ(code(5), meaning) << status;
  }
}

TEST_F(peer_client_test, no_primary_and_a_wrong_token_are_told_in_words_of_the_configuration) {
  server.reply(response(404, {{"Content-Type", "text/plain"}}, "404 page not found"));
  const auto elsewhere = read(3);
  ASSERT_FALSE(elsewhere);
  EXPECT_NE(elsewhere.error().text.find("the address of the primary, or of a registry"), std::string::npos)
      << elsewhere.error().text;
  server.reply(response(401, {}, ""));
  const auto refused = read(3);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("[[follower]]"), std::string::npos) << refused.error().text;
}

TEST_F(peer_client_test, a_silent_primary_times_out_only_after_the_wait_it_was_asked_for) {
  http_options o;
  o.stall_max = milliseconds(50);
  make("", o);
  const auto started = std::chrono::steady_clock::now();
  auto r = read(0, 1000, 1);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::timed_out);
  EXPECT_GE(std::chrono::steady_clock::now() - started, milliseconds(1'050));
}

TEST_F(peer_client_test, the_position_is_reported_under_the_address_prefix) {
  make("/longshore/", {});
  server.reply(response(204));
  result<> done = fail(errc::stopped, "");
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    done = co_await client->report_cursor("site b", 42, R"({"open":3})", std::nullopt);
  });
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(server.seen[0].method, "PUT");
  EXPECT_EQ(server.seen[0].target, "/longshore/v1/sites/site%20b/cursor");
  EXPECT_EQ(server.seen[0].body, R"({"size":42,"summary":{"open":3}})");
  EXPECT_EQ(server.seen[0].header("Authorization"), "Bearer the-token");
  tests::run_test(
      io, [&]() -> boost::asio::awaitable<void> { done = co_await client->report_cursor("b", 42, "not json", 41); });
  EXPECT_EQ(done.error().code, errc::invalid);
}

}  // namespace
}  // namespace longshore::api
