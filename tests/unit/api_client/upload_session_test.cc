// Uploads in chunks and sessions taken up again, against a registry that says what the test wrote.

#include "registry_fixture.h"

namespace longshore::api {
namespace {

using tests::response;
using tests::scripted_reply;

class upload_session_test : public tests::registry_fixture {
 protected:
  using writer = std::unique_ptr<engine::blob_writer>;
  void SetUp() override { chunks_over(4); }
  void chunks_over(std::uint64_t bytes) {
    registry_options o;
    o.large_bytes = bytes;
    make(std::move(o));
  }
  writer begin(const std::string& body) { return *get(client->begin_blob("a", digest::of(body), body.size(), {})); }
  // What is said of the session by GET, and the writer that follows from it.
  result<writer> resume(const std::string& body, const std::string& status_answer) {
    server.reply(status_answer);
    return get(client->resume_blob("a", digest::of(body), body.size(), {server.url("/u?s=1"), "node=3", server.url()}));
  }
  result<> write(const writer& to, const std::string& bytes) { return get(to->write(boost::asio::buffer(bytes))); }
  std::string accepted(const std::string& location, const std::string& range) {
    return response(202, {{"Location", location}, {"Range", range}});
  }
};

TEST_F(upload_session_test, a_large_blob_goes_in_chunks_each_to_the_newest_location) {
  const std::string body = "0123456789";
  server.reply(response(202, {{"Location", "/u?s=0"}, {"Set-Cookie", "node=1; Path=/"}}));
  server.reply(accepted("/u?s=1", "0-3"));
  server.reply(response(202, {{"Location", "/u?s=2"}, {"Set-Cookie", "node=2"}}));  // no Range
  server.reply(accepted("/u?s=3", "bytes=0-9"));
  server.reply(response(201));
  const auto to = begin(body);
  EXPECT_EQ(to->offset(), 0u);
  ASSERT_TRUE(write(to, body.substr(0, 5)));
  EXPECT_EQ(to->offset(), 4u) << "the fifth byte is not acknowledged";
  EXPECT_EQ(to->session(), (engine::upload_session{server.url("/u?s=1"), "node=1", server.url()}));
  ASSERT_TRUE(write(to, body.substr(5)));
  EXPECT_EQ(to->offset(), 10u);
  ASSERT_TRUE(get(to->finish(digest::of(body))));
  ASSERT_EQ(server.seen.size(), 5u);
  const std::vector<std::array<std::string, 4>> expected{
      {"PATCH", "/u?s=0", "0-3", "0123"}, {"PATCH", "/u?s=1", "4-7", "4567"}, {"PATCH", "/u?s=2", "8-9", "89"}};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto& seen = server.seen[i + 1];
    EXPECT_EQ((std::array<std::string, 4>{seen.method, seen.target, seen.header("Content-Range"), seen.body}),
              expected[i]);
    EXPECT_EQ(seen.header("Content-Length"), std::to_string(seen.body.size()));
    EXPECT_EQ(seen.header("Content-Type"), "application/octet-stream");
  }
  EXPECT_EQ(server.seen[1].header("Cookie"), "node=1");
  EXPECT_EQ(server.seen[3].header("Cookie"), "node=2");
  EXPECT_EQ(server.seen[4].method, "PUT");
  EXPECT_EQ(server.seen[4].header("Content-Length"), "0");
  EXPECT_EQ(server.seen[4].header("Content-Range"), "");
}

TEST_F(upload_session_test, chunks_are_no_smaller_than_the_registry_asks_for) {
  const std::string body = "0123456789";
  server.reply(response(202, {{"Location", "/u"}, {"OCI-Chunk-Min-Length", "7"}}));
  server.reply(accepted("/u", "0-6"));
  server.reply(accepted("/u", "0-9"));
  server.reply(response(201));
  const auto to = begin(body);
  ASSERT_TRUE(write(to, body));
  ASSERT_TRUE(get(to->finish(digest::of(body))));
  EXPECT_EQ(server.seen[1].header("Content-Range"), "0-6");
  EXPECT_EQ(server.seen[2].header("Content-Range"), "7-9");
}

TEST_F(upload_session_test, a_registry_that_kept_less_than_it_was_sent_is_asked_again) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(accepted("/u", "0-1"));
  const auto to = begin("0123456789");
  const auto sent = write(to, "0123");
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, errc::unavailable);
  EXPECT_EQ(to->offset(), 0u);
}

TEST_F(upload_session_test, an_upload_goes_on_with_the_byte_after_those_the_registry_has) {
  chunks_over(100);
  const std::string body = "0123456789";
  const auto to = resume(body, response(204, {{"Location", "/u?s=2"}, {"Range", "0-5"}}));
  ASSERT_TRUE(to) << to.error().text;
  EXPECT_EQ((*to)->offset(), 6u);
  server.reply(response(201));
  ASSERT_TRUE(write(*to, "6789"));
  ASSERT_TRUE(get((*to)->finish(digest::of(body))));
  EXPECT_EQ(server.seen[0].method, "GET");
  EXPECT_EQ(server.seen[0].target, "/u?s=1");
  EXPECT_EQ(server.seen[0].header("Cookie"), "node=3");
  EXPECT_EQ(server.seen[1].method, "PUT");
  EXPECT_EQ(server.seen[1].target, "/u?s=2&digest=sha256%3A" + std::string(digest::of(body).hex()));
  EXPECT_EQ(server.seen[1].header("Content-Range"), "6-9");
  EXPECT_EQ(server.seen[1].body, "6789");
}

TEST_F(upload_session_test, an_upload_with_all_its_bytes_at_the_registry_needs_only_the_end) {
  const std::string body = "0123456789";
  const auto to = resume(body, response(204, {{"Range", "0-9"}}));
  ASSERT_TRUE(to) << to.error().text;
  EXPECT_EQ((*to)->offset(), 10u);
  server.reply(response(201));
  ASSERT_TRUE(get((*to)->finish(digest::of(body))));
  EXPECT_EQ(server.seen[1].header("Content-Length"), "0");
}

TEST_F(upload_session_test, a_session_that_is_gone_is_not_found) {
  for (const auto& answer :
       {response(404, {}, complaint("BLOB_UPLOAD_INVALID")), response(404, {}, complaint("BLOB_UPLOAD_UNKNOWN")),
        response(410), response(416, {}, complaint("RANGE_INVALID"))}) {
    const auto to = resume("0123456789", answer);
    ASSERT_FALSE(to);
    EXPECT_EQ(to.error().code, errc::not_found);
  }
  const auto none = resume("0123456789", response(405, {}, complaint("UNSUPPORTED")));
  EXPECT_EQ(none.error().code, errc::unsupported);
  const auto away = resume("0123456789", response(503));
  EXPECT_EQ(away.error().code, errc::unavailable);
}

TEST_F(upload_session_test, a_session_whose_state_is_unclear_or_impossible_is_cancelled) {
  for (const char* range : {"0-0", "", "5-9", "0-10", "0-18446744073709551615", "x"}) {
    server.seen.clear();
    server.reply(response(204, {{"Range", range}}));
    server.reply(response(204));
    const auto to =
        get(client->resume_blob("a", digest::of("0123456789"), 10, {server.url("/u?s=1"), "", server.url()}));
    ASSERT_FALSE(to) << range;
    EXPECT_EQ(to.error().code, errc::not_found);
    EXPECT_EQ(server.seen[1].method, "DELETE");
  }
}

TEST_F(upload_session_test, a_kept_address_is_held_to_the_same_rules_as_an_answered_one) {
  for (const char* location : {"ftp://x/u", "", "/u", "http://user@x/u"}) {
    EXPECT_EQ(failure(client->resume_blob("a", digest::of("x"), 1, {location, "", server.url()})).code, errc::invalid)
        << location;
  }
  EXPECT_TRUE(server.seen.empty());
}

TEST_F(upload_session_test, a_kept_session_of_another_registry_is_not_gone_on_with) {
  tests::scripted_server old(io);
  // Of a session that was kept without its registry nobody knows whose it is.
  for (const std::string& registry : {old.url(), std::string()}) {
    const auto to = get(client->resume_blob("a", digest::of("0123456789"), 10, {old.url("/u?s=1"), "", registry}));
    ASSERT_FALSE(to);
    EXPECT_EQ(to.error().code, errc::not_found) << to.error().text;
  }
  EXPECT_EQ(old.connections(), 0u);
  EXPECT_TRUE(server.seen.empty());
}

TEST_F(upload_session_test, a_token_refused_in_mid_upload_is_renewed_for_the_next_request) {
  tests::scripted_server tokens(io);
  const std::string challenge = "Bearer realm=\"" + tokens.url("/token") + "\",service=\"s\"";
  const auto refuses = response(401, {{"WWW-Authenticate", challenge}});
  const std::string body = "0123456789";
  server.reply(refuses);
  tokens.reply(response(200, {}, R"({"token":"one"})"));
  server.reply(response(202, {{"Location", "/u?s=0"}}));
  server.reply(accepted("/u?s=1", "0-3"));
  server.reply(refuses);
  tokens.reply(response(200, {}, R"({"token":"two"})"));
  const auto to = begin(body);
  ASSERT_TRUE(write(to, "0123"));
  const auto refused = write(to, "4567");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::unavailable) << refused.error().text;
  EXPECT_EQ(to->offset(), 4u);
  server.reply(response(204, {{"Location", "/u?s=1"}, {"Range", "0-3"}}));
  const auto again = get(client->resume_blob("a", digest::of(body), body.size(), *to->session()));
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(server.seen[3].header("Authorization"), "Bearer one");
  EXPECT_EQ(server.seen[4].header("Authorization"), "Bearer two");
  // Refused as well, it is a refusal.
  server.reply(refuses);
  const auto denied = write(*again, "4567");
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, errc::unauthorized);
  EXPECT_EQ(tokens.seen.size(), 2u);
}

TEST_F(upload_session_test, many_blobs_of_one_repository_need_one_token) {
  tests::scripted_server tokens(io);
  server.reply(response(401, {{"WWW-Authenticate", "Bearer realm=\"" + tokens.url("/token") + "\",service=\"s\""}}));
  tokens.reply(response(200, {}, R"({"token":"one","expires_in":300})"));
  for (int i = 0; i < 20; ++i) {
    server.reply(response(202, {{"Location", "/u"}}));
    server.reply(response(201));
    ASSERT_TRUE(get(push("a", std::string(static_cast<std::size_t>(i % 4), 'x'), std::nullopt)));
  }
  EXPECT_EQ(tokens.seen.size(), 1u);
}

TEST_F(upload_session_test, a_registry_that_takes_no_whole_blobs_is_sent_chunks_and_remembered) {
  chunks_over(1'000'000);
  const std::string body(600'000, 'x');
  for (const int status : {404, 405, 413, 501}) {
    chunks_over(1'000'000);
    server.seen.clear();
    server.reply(response(202, {{"Location", "/u"}}));
    server.reply(response(status));
    EXPECT_EQ(failure(push("a", body, std::nullopt)).code, errc::unavailable) << status;
    for (int i = 0; i < 2; ++i) {
      server.reply(response(202, {{"Location", "/u"}}));
      server.reply(accepted("/u", "0-599999"));
      server.reply(response(201));
      ASSERT_TRUE(get(push("a", body, std::nullopt)));
    }
    EXPECT_EQ(server.seen[1].method, "PUT");
    EXPECT_EQ(server.seen[3].method, "PATCH");
    EXPECT_EQ(server.seen[6].method, "PATCH");
  }
}

TEST_F(upload_session_test, a_lost_session_teaches_nothing_about_the_registry) {
  chunks_over(1'000);
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(404, {}, complaint("BLOB_UPLOAD_UNKNOWN")));
  EXPECT_EQ(failure(push("a", "body", std::nullopt)).code, errc::unavailable);
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(201));
  EXPECT_TRUE(get(push("a", "body", std::nullopt)));
  EXPECT_EQ(server.seen[3].method, "PUT");
}

TEST_F(upload_session_test, a_connection_closed_at_once_twice_is_sent_chunks) {
  chunks_over(100'000'000);
  const std::string body(30'000'000, 'x');
  for (int i = 0; i < 2; ++i) {
    server.reply(response(202, {{"Location", "/u"}}));
    server.reply(scripted_reply{"", true, true});
    EXPECT_EQ(failure(push("a", std::string(300'000, 'x'), std::nullopt)).code, errc::unavailable);
  }
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(accepted("/u", "0-3"));
  server.reply(response(201));
  ASSERT_TRUE(get(push("a", "body", std::nullopt)));
  EXPECT_EQ(server.seen.back().method, "PUT");
  EXPECT_EQ(server.seen[server.seen.size() - 2].method, "PATCH");
}

TEST_F(upload_session_test, the_head_of_a_request_and_the_first_bytes_of_its_body_go_together) {
  chunks_over(1'000);
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(201));
  ASSERT_TRUE(get(push("a", "body", std::nullopt)));
  EXPECT_EQ(server.seen[1].header("Content-Length"), "4");
  EXPECT_EQ(server.seen[1].body, "body");
  EXPECT_TRUE(server.seen[1].in_one_piece);
}

TEST_F(upload_session_test, after_a_failure_a_writer_is_good_for_its_session_only) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(500));
  const auto to = begin("0123456789");
  EXPECT_FALSE(write(to, "0123"));
  EXPECT_EQ(write(to, "4567").error().code, errc::invalid);
  EXPECT_EQ(get(to->finish(digest::of("0123456789"))).error().code, errc::invalid);
}

}  // namespace
}  // namespace longshore::api
