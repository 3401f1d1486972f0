#include "api/registry_client.h"

#include <fstream>

#include "api/registry_error.h"
#include "engine/manifest.h"
#include "registry_fixture.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LONGSHORE_MEMORY_IS_NOT_OURS
#endif
#endif

namespace longshore::api {
namespace {

using tests::response;
using tests::scripted_reply;

class registry_client_test : public tests::registry_fixture {
 protected:
  const std::string manifest = R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"})";
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const digest d = digest::of(manifest);
  void serves_manifest(const std::string& body) {
    server.reply(response(200, {{"Content-Type", type}, {"Docker-Content-Digest", d.text()}}, body));
  }
};

TEST_F(registry_client_test, a_manifest_comes_as_stored_and_every_manifest_type_is_asked_for) {
  serves_manifest(manifest);
  const auto m = get(client->get_manifest("a/b", "latest"));
  ASSERT_TRUE(m) << m.error().text;
  EXPECT_EQ(m->bytes, manifest);
  EXPECT_EQ(m->media_type, type);
  EXPECT_EQ(m->digest, d);
  EXPECT_EQ(server.seen[0].target, "/v2/a/b/manifests/latest");
  for (const auto t : engine::manifest_media_types()) {
    EXPECT_NE(server.seen[0].header("Accept").find(t), std::string::npos) << t;
  }
}

TEST_F(registry_client_test, content_that_is_not_what_was_asked_for_is_corrupt) {
  serves_manifest(manifest + " ");
  EXPECT_EQ(failure(client->get_manifest("a/b", d.text())).code, errc::corrupt);
  serves_manifest(manifest + " ");
  EXPECT_EQ(failure(client->get_manifest("a/b", "latest")).code, errc::corrupt);
}

TEST_F(registry_client_test, a_tags_answer_that_is_no_document_is_a_proxys_and_never_a_manifest) {
  for (const char* body : {"", "  \n", "<html>welcome</html>", "[]"}) {
    server.reply(response(200, {{"Content-Type", type}}, body));
    EXPECT_EQ(failure(client->get_manifest("a/b", "latest")).code, errc::unavailable) << body;
  }
}

TEST_F(registry_client_test, a_sha512_reference_is_verified_as_one) {
  const auto long_digest = digest::of(manifest, digest_algorithm::sha512);
  server.reply(response(200, {{"Content-Type", type}}, manifest));
  EXPECT_EQ(get(client->get_manifest("a", long_digest.text()))->digest, long_digest);
}

TEST_F(registry_client_test, names_outside_the_grammar_are_refused_before_anything_is_sent) {
  for (const char* repository : {"", "A", "a/../b", "/a", "a/", "a b", "a?x", "a%2fb"}) {
    EXPECT_EQ(failure(client->get_manifest(repository, "x")).code, errc::invalid) << repository;
    EXPECT_EQ(failure(client->list_tags(repository, {})).code, errc::invalid) << repository;
  }
  for (const char* ref : {"", "a/b", ".x", "x y", "sha256:short", "a?b"}) {
    EXPECT_EQ(failure(client->get_manifest("a", ref)).code, errc::invalid) << ref;
  }
  EXPECT_EQ(failure(client->put_manifest("a", "x", "text/plain\r\nX: y", "{}")).code, errc::invalid);
  EXPECT_TRUE(server.seen.empty());
}

TEST_F(registry_client_test, only_a_registrys_own_word_makes_something_not_found) {
  for (const char* code : {"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND"}) {
    server.reply(response(404, {}, complaint(code)));
    EXPECT_EQ(failure(client->get_manifest("a", "x")).code, errc::not_found) << code;
  }
  for (const std::string& body :
       {std::string("404 page not found"), std::string("<html>"), std::string("{}"), complaint("SOMETHING_ELSE")}) {
    server.reply(response(404, {}, body));
    EXPECT_EQ(failure(client->get_manifest("a", "x")).code, errc::unavailable) << body;
  }
}

TEST_F(registry_client_test, each_status_has_its_meaning) {
  const std::vector<std::pair<int, errc>> expected{
      {400, errc::rejected},    {403, errc::denied},      {405, errc::unsupported}, {408, errc::unavailable},
      {409, errc::rejected},    {413, errc::too_large},   {416, errc::rejected},    {418, errc::rejected},
      {429, errc::throttled},   {500, errc::unavailable}, {502, errc::unavailable}, {503, errc::unavailable},
      {504, errc::unavailable}, {522, errc::unavailable}, {301, errc::unavailable}};
  for (const auto& [status, code] : expected) {
    server.reply(response(status));
    EXPECT_EQ(failure(client->get_manifest("a", "x")).code, code) << status;
  }
}

TEST_F(registry_client_test, the_registrys_words_are_passed_on_in_one_line) {
  server.reply(response(400, {}, R"({"errors":[{"code":"MANIFEST_INVALID","message":"line\r\nbreak"}]})"));
  const auto e = failure(client->put_manifest("a", "x", type, manifest));
  EXPECT_NE(e.text.find("MANIFEST_INVALID: line  break"), std::string::npos) << e.text;
}

TEST_F(registry_client_test, retry_after_is_understood_in_both_forms) {
  server.reply(response(429, {{"Retry-After", "12"}}));
  auto e = failure(client->get_manifest("a", "x"));
  EXPECT_EQ(e.code, errc::throttled);
  EXPECT_EQ(e.retry_after_ms, 12'000);
  server.reply(response(429, {{"Retry-After", "Sun, 06 Nov 1994 08:50:37 GMT"}}));
  EXPECT_EQ(failure(client->get_manifest("a", "x")).retry_after_ms, 60'000);
  server.reply(response(503, {{"Retry-After", "3"}}));
  EXPECT_EQ(failure(client->get_manifest("a", "x")).retry_after_ms, 3'000);
}

TEST_F(registry_client_test, a_tag_resolves_by_head_and_by_get_where_head_does_not_tell) {
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 75\r\nDocker-Content-Digest: " + d.text() + "\r\n\r\n");
  EXPECT_EQ(get(client->resolve("a", "x")).value(), d);
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 75\r\n\r\n");
  serves_manifest(manifest);
  EXPECT_EQ(get(client->resolve("a", "x")).value(), d);
  EXPECT_EQ(server.seen[0].method, "HEAD");
  EXPECT_EQ(server.seen[2].method, "GET");
}

TEST_F(registry_client_test, a_tag_is_gone_only_when_a_body_says_so) {
  server.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n");
  server.reply(response(404, {}, complaint("MANIFEST_UNKNOWN")));
  const auto gone = get(client->resolve("a", "x"));
  ASSERT_TRUE(gone);
  EXPECT_FALSE(*gone);
  server.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n");
  server.reply(response(404, {}, "404 page not found\n"));
  EXPECT_EQ(failure(client->resolve("a", "x")).code, errc::unavailable);
}

TEST_F(registry_client_test, a_known_digest_is_asked_about_as_a_condition) {
  server.reply("HTTP/1.1 304 Not Modified\r\n\r\n");
  EXPECT_EQ(get(client->resolve_again("a", "x", d)).value(), d);
  EXPECT_EQ(server.seen[0].method, "HEAD");
  EXPECT_EQ(server.seen[0].header("If-None-Match"), "\"" + d.text() + "\"");
  const digest other = digest::of("other");
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 75\r\nDocker-Content-Digest: " + other.text() + "\r\n\r\n");
  EXPECT_EQ(get(client->resolve_again("a", "x", d)).value(), other);
  server.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\n");
  server.reply(response(404, {}, complaint("MANIFEST_UNKNOWN")));
  EXPECT_EQ(get(client->resolve_again("a", "x", d)).value(), std::nullopt);
}

TEST_F(registry_client_test, a_registry_without_a_catalog_is_told_from_one_that_is_away) {
  server.reply(response(404, {}, "404 page not found\n"));
  EXPECT_EQ(failure(client->list_repositories({})).code, errc::unsupported);
  server.reply(response(404, {}, "404 page not found\n"));
  EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::unavailable);
}

TEST_F(registry_client_test, a_manifest_is_put_verbatim_under_its_type) {
  server.reply(response(201, {{"Docker-Content-Digest", d.text()}}));
  EXPECT_EQ(get(client->put_manifest("a", "x", type, manifest)).value(), d);
  EXPECT_EQ(server.seen[0].method, "PUT");
  EXPECT_EQ(server.seen[0].header("Content-Type"), type);
  EXPECT_EQ(server.seen[0].body, manifest);
  server.reply(response(201, {{"Docker-Content-Digest", digest::of("other").text()}}));
  EXPECT_EQ(failure(client->put_manifest("a", "x", type, manifest)).code, errc::corrupt);
}

TEST_F(registry_client_test, a_tag_that_cannot_be_deleted_by_name_is_unsupported) {
  server.reply(response(400, {}, complaint("DIGEST_INVALID")));
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::unsupported);
  server.reply(response(405, {}, complaint("UNSUPPORTED")));
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::unsupported);
  server.reply(response(400, {}, complaint("UNSUPPORTED")));
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::unsupported);
  server.reply(response(404, {}, complaint("MANIFEST_UNKNOWN")));
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::not_found);
  server.reply(response(202));
  EXPECT_TRUE(get(client->delete_tag("a", "x")));
  server.reply(response(400, {}, complaint("DIGEST_INVALID")));
  EXPECT_EQ(failure(client->delete_manifest("a", d)).code, errc::rejected);
}

TEST_F(registry_client_test, a_blob_is_absent_by_head_only_where_a_registry_answered) {
  server.reply(
      "HTTP/1.1 404 Not Found\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Length: 157\r\n\r\n");
  auto absent = get(client->stat_blob("a", d));
  ASSERT_TRUE(absent);
  EXPECT_FALSE(*absent);
  EXPECT_EQ(server.seen.size(), 1u);
  server.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 157\r\n\r\n");
  server.reply(response(404, {}, complaint("BLOB_UNKNOWN")));
  absent = get(client->stat_blob("a", d));
  ASSERT_TRUE(absent);
  EXPECT_FALSE(*absent);
  server.reply("HTTP/1.1 404 Not Found\r\nContent-Length: 157\r\n\r\n");
  server.reply(response(404, {}, "no such site"));
  EXPECT_EQ(failure(client->stat_blob("a", d)).code, errc::unavailable);
  server.reply("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n");
  EXPECT_EQ(get(client->stat_blob("a", d)).value(), 77u);
}

TEST_F(registry_client_test, a_blob_is_read_from_an_offset_whether_ranges_are_honoured_or_not) {
  server.reply(response(206, {{"Content-Range", "bytes 4-9/10"}}, "456789"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "456789");
  EXPECT_EQ(server.seen[0].header("Range"), "bytes=4-");
  server.reply(response(200, {}, "0123456789"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "456789");
  server.reply(response(206, {{"Content-Range", "bytes 3-9/10"}}, "3456789"));
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::corrupt);
  server.reply(response(206, {}, "456789"));
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::corrupt);
}

TEST_F(registry_client_test, a_range_that_is_refused_is_got_from_the_whole_blob) {
  server.reply(response(416, {{"Content-Range", "bytes */10"}}, "no"));
  server.reply(response(200, {}, "0123456789"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "456789");
  EXPECT_EQ(server.seen[1].header("Range"), "");
  server.reply(response(416, {{"Content-Range", "bytes */10"}}, "no"));
  server.reply(response(200, {}, "0123456789"));
  EXPECT_EQ(get(read_all("a", d, 10)).value(), "") << "all of it was there already";
  server.reply(response(416, {{"Content-Range", "bytes */3"}}, "no"));
  server.reply(response(200, {}, "012"));
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::corrupt) << "it is shorter than it was";
}

TEST_F(registry_client_test, a_part_that_is_shorter_than_the_rest_of_the_blob_is_not_its_end) {
  server.reply(response(206, {{"Content-Range", "bytes 4-6/10"}}, "456"));
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::unavailable) << "so that reading goes on behind it";
  server.reply(scripted_reply{"HTTP/1.0 206 Partial Content\r\nContent-Range: bytes 4-9/10\r\n\r\n456", true});
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::unavailable);
  server.reply(response(206, {{"Content-Range", "bytes 4-9/*"}}, "456789"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "456789");
  server.reply(scripted_reply{"HTTP/1.0 200 OK\r\n\r\n012", true});
  EXPECT_EQ(failure(read_all("a", d, 4)).code, errc::unavailable) << "whether the blob ended, nobody said";
}

TEST_F(registry_client_test, a_blob_that_breaks_off_is_unavailable) {
  server.reply(scripted_reply{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012", true});
  EXPECT_EQ(failure(read_all("a", d, 0)).code, errc::unavailable);
}

TEST_F(registry_client_test, an_upload_goes_to_the_location_given_with_its_query_verbatim) {
  const std::string body(100'000, 'b');
  const auto query = "?_state=Ab-_%3D%3d~.x&y";
  const std::string digest_part = "&digest=sha256%3A" + std::string(digest::of(body).hex());
  for (const std::string& location :
       {std::string("/v2/a/blobs/uploads/77"), server.url("/v2/a/blobs/uploads/77"), std::string("77")}) {
    server.seen.clear();
    server.reply(response(202, {{"Location", location + query}, {"Set-Cookie", "node=3; Path=/; HttpOnly"}}));
    server.reply(response(201));
    ASSERT_TRUE(get(push("a", body, std::nullopt))) << location;
    EXPECT_EQ(server.seen[0].method, "POST");
    EXPECT_EQ(server.seen[0].target, "/v2/a/blobs/uploads/");
    EXPECT_EQ(server.seen[0].header("Content-Length"), "0");
    EXPECT_EQ(server.seen[1].method, "PUT");
    EXPECT_EQ(server.seen[1].target, "/v2/a/blobs/uploads/77" + std::string(query) + digest_part);
    EXPECT_EQ(server.seen[1].header("Content-Length"), "100000");
    EXPECT_EQ(server.seen[1].header("Cookie"), "node=3");
    EXPECT_TRUE(server.seen[1].body == body);
  }
}

TEST_F(registry_client_test, an_upload_to_another_host_takes_no_credentials_and_no_cookies_along) {
  tests::scripted_server uploads(io);
  registry_options o;
  o.credentials = [](std::string, std::string) -> task<std::optional<credential>> {
    co_return credential{"me", "pw", "", ""};
  };
  make(std::move(o));
  server.reply(response(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}));
  server.reply(response(202, {{"Location", uploads.url("/u?s=1")}, {"Set-Cookie", "node=3"}}));
  uploads.reply(response(201));
  ASSERT_TRUE(get(push("a", "body", std::nullopt)));
  EXPECT_EQ(server.seen[1].header("Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(uploads.seen[0].header("Authorization"), "");
  EXPECT_EQ(uploads.seen[0].header("Cookie"), "");
}

TEST_F(registry_client_test, an_empty_blob_is_one_put_without_a_body) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(201));
  ASSERT_TRUE(get(push("a", "", std::nullopt)));
  EXPECT_EQ(server.seen[1].header("Content-Length"), "0");
}

TEST_F(registry_client_test, a_mount_needs_nothing_sent) {
  server.reply(response(201, {{"Location", "/v2/a/blobs/x"}}));
  const auto sent = get(push("a", "body", "other/repo"));
  ASSERT_TRUE(sent);
  EXPECT_FALSE(*sent);
  EXPECT_EQ(server.seen[0].target,
            "/v2/a/blobs/uploads/?mount=sha256%3A" + std::string(digest::of("body").hex()) + "&from=other%2Frepo");
}

TEST_F(registry_client_test, a_mount_that_becomes_a_session_is_used_as_one) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(201));
  EXPECT_TRUE(get(push("a", "body", "other/repo")).value());
  EXPECT_EQ(server.seen.size(), 2u);
}

TEST_F(registry_client_test, a_mount_that_is_refused_falls_back_to_an_upload) {
  for (const int status : {400, 403, 404, 405, 416}) {
    server.seen.clear();
    server.reply(response(status, {}, "no mounts here"));
    server.reply(response(202, {{"Location", "/u"}}));
    server.reply(response(201));
    const auto sent = get(push("a", "body", "other/repo"));
    ASSERT_TRUE(sent) << status << " " << sent.error().text;
    EXPECT_TRUE(*sent) << status;
    EXPECT_EQ(server.seen[1].target, "/v2/a/blobs/uploads/");
  }
}

TEST_F(registry_client_test, an_answer_cut_off_after_any_byte_is_a_failure_and_never_other_content) {
  const auto whole = response(200, {{"Content-Type", type}}, manifest);
  for (std::size_t n = 0; n < whole.size(); ++n) {
    server.reply(scripted_reply{whole.substr(0, n), true});
    EXPECT_EQ(failure(client->get_manifest("a", "x")).code, errc::unavailable) << n;
  }
  server.reply(whole);
  EXPECT_EQ(get(client->get_manifest("a", "x"))->bytes, manifest);
}

TEST_F(registry_client_test, an_upload_that_loses_its_connection_at_any_step_is_unavailable) {
  const std::string body(300'000, 'x');
  const std::vector<std::string> steps{response(202, {{"Location", "/u"}}), response(201)};
  for (std::size_t n = 0; n < steps.size(); ++n) {
    for (const bool before_body : {false, true}) {
      make({});
      for (std::size_t i = 0; i < n; ++i) server.reply(scripted_reply{steps[i], true});
      server.reply(scripted_reply{"", true, before_body});
      EXPECT_EQ(failure(push("a", body, std::nullopt)).code, errc::unavailable) << n;
    }
  }
  for (const auto& s : steps) server.reply(s);
  EXPECT_TRUE(get(push("a", body, std::nullopt)));
}

TEST_F(registry_client_test, an_overloaded_registry_is_not_asked_again_after_a_mount) {
  server.reply(response(429, {{"Retry-After", "5"}}));
  const auto e = failure(push("a", "body", "other/repo"));
  EXPECT_EQ(e.code, errc::throttled);
  EXPECT_EQ(e.retry_after_ms, 5'000);
  EXPECT_EQ(server.seen.size(), 1u);
}

TEST_F(registry_client_test, a_registry_that_takes_no_manifest_is_called_read_only) {
  server.reply(response(405, {}, complaint("UNSUPPORTED")));
  const auto e = failure(client->put_manifest("a", "x", "text/plain", "{}"));
  EXPECT_EQ(e.code, errc::unsupported);
  EXPECT_NE(e.text.find("takes no pushes"), std::string::npos) << e.text;
}

TEST_F(registry_client_test, a_lost_upload_session_is_to_be_tried_again) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(404, {}, complaint("BLOB_UPLOAD_INVALID")));
  EXPECT_EQ(failure(push("a", "body", std::nullopt)).code, errc::unavailable);
}

TEST_F(registry_client_test, a_put_that_is_not_complete_is_rejected) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(202, {{"Location", "/u2"}}));
  EXPECT_EQ(failure(push("a", "body", std::nullopt)).code, errc::rejected);
}

TEST_F(registry_client_test, an_answer_in_the_middle_of_an_upload_is_the_failure) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(scripted_reply{response(403, {{"Connection", "close"}}, complaint("DENIED")), false, true});
  const auto e = failure(push("a", std::string(50'000'000, 'x'), std::nullopt));
  EXPECT_EQ(e.code, errc::denied) << e.text;
}

TEST_F(registry_client_test, an_upload_that_does_not_add_up_is_invalid_and_can_be_cancelled) {
  server.reply(response(202, {{"Location", "/u?s=1"}}));
  server.reply(response(204));
  result<> short_of, too_long, cancelled;
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    auto writer = co_await client->begin_blob("a", digest::of("1234"), 4, std::nullopt);
    const std::string five = "12345";
    too_long = co_await (*writer)->write(boost::asio::buffer(five));
    short_of = co_await (*writer)->finish(digest::of("1234"));
    cancelled = co_await (*writer)->cancel();
  });
  EXPECT_EQ(too_long.error().code, errc::invalid);
  EXPECT_EQ(short_of.error().code, errc::invalid);
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(server.seen[1].method, "DELETE");
  EXPECT_EQ(server.seen[1].target, "/u?s=1");
}

TEST_F(registry_client_test, a_cancel_that_fails_is_no_failure) {
  server.reply(response(202, {{"Location", "/u"}}));
  server.reply(response(404, {}, complaint("BLOB_UPLOAD_UNKNOWN")));
  result<> cancelled = fail(errc::stopped, "");
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    auto writer = co_await client->begin_blob("a", digest::of("1234"), 4, std::nullopt);
    cancelled = co_await (*writer)->cancel();
  });
  EXPECT_TRUE(cancelled);
}

TEST_F(registry_client_test, listings_follow_links_page_by_page) {
  server.reply(response(200, {{"Link", "</v2/a/tags/list?n=2&last=t2>; rel=\"next\""}}, R"({"tags":["t1","t2"]})"));
  server.reply(response(200, {}, R"({"tags":["t3"]})"));
  auto first = get(client->list_tags("a", {}));
  ASSERT_TRUE(first);
  EXPECT_EQ(first->names, (std::vector<std::string>{"t1", "t2"}));
  ASSERT_TRUE(first->next);
  auto second = get(client->list_tags("a", first->next));
  ASSERT_TRUE(second);
  EXPECT_EQ(second->names, std::vector<std::string>{"t3"});
  EXPECT_FALSE(second->next);
  EXPECT_EQ(server.seen[0].target, "/v2/a/tags/list?n=1000");
  EXPECT_EQ(server.seen[1].target, "/v2/a/tags/list?n=2&last=t2");
}

TEST_F(registry_client_test, a_link_under_an_inner_name_is_followed_at_the_registry_itself) {
  server.reply(response(200, {{"Link", "<http://registry.internal:5000/v2/_catalog?last=b>; rel=next"}},
                        R"({"repositories":["a","b"]})"));
  server.reply(response(200, {}, R"({"repositories":null})"));
  auto first = get(client->list_repositories({}));
  ASSERT_TRUE(first && first->next);
  EXPECT_TRUE(get(client->list_repositories(first->next))->names.empty());
  EXPECT_EQ(server.seen[1].target, "/v2/_catalog?last=b");
}

TEST_F(registry_client_test, a_listing_that_goes_in_a_circle_or_leaves_the_registry_is_corrupt) {
  server.reply(response(200, {{"Link", "</v2/a/tags/list?n=1000>; rel=next"}}, R"({"tags":[]})"));
  EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::corrupt);
  server.reply(response(200, {{"Link", "</elsewhere>; rel=next"}}, R"({"tags":[]})"));
  EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::corrupt);
  EXPECT_EQ(failure(client->list_tags("a", "http://other.example/v2/x")).code, errc::invalid);
}

TEST_F(registry_client_test, what_is_no_listing_is_corrupt_and_never_an_empty_one) {
  for (const char* body : {"", "<html>", "[]", "{}", R"({"tags":"x"})", R"({"tags":[1]})", R"({"tags":["a")"}) {
    server.reply(response(200, {}, body));
    EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::corrupt) << body;
  }
}

TEST_F(registry_client_test, what_is_no_name_is_left_out_of_a_listing) {
  server.reply(response(200, {}, R"({"tags":["", "a", "b c", "..", "v1.0", ")" + std::string(129, 'x') + "\"]}"));
  EXPECT_EQ(get(client->list_tags("a", {}))->names, (std::vector<std::string>{"a", "v1.0"}));
  server.reply(response(200, {}, R"({"repositories":["a/b", "A", "a//b", ")" + std::string(256, 'x') + "\"]}"));
  EXPECT_EQ(get(client->list_repositories({}))->names, std::vector<std::string>{"a/b"});
}

TEST_F(registry_client_test, a_page_that_is_too_long_is_not_read_to_its_end) {
  server.reply(response(200, {}, "{\"tags\":[" + std::string(17u << 20, ' ') + "]}"));
  EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::too_large);
  std::string many = "{\"tags\":[\"x\"";
  for (int i = 0; i < 400'000; ++i) many += ",\"x\"";
  server.reply(response(200, {}, many + "]}"));
  EXPECT_EQ(failure(client->list_tags("a", {})).code, errc::too_large);
}

TEST_F(registry_client_test, a_page_of_a_listing_costs_little_more_memory_than_its_text) {
#ifdef LONGSHORE_MEMORY_IS_NOT_OURS
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  std::string body = R"({"name":"a","tags":[)";
  while (body.size() < (15u << 20)) body += "\"\",";
  server.reply(response(200, {}, body + "\"x\"]}"));
  const auto most_kib = [] {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("VmHWM:")) return std::stoul(line.substr(6));
    }
    return 0ul;
  };
  std::ofstream("/proc/self/clear_refs") << "5";
  const auto before = most_kib();
  EXPECT_EQ(get(client->list_tags("a", {}))->names, std::vector<std::string>{"x"});
  EXPECT_LT(most_kib() - before, 48u << 10) << "the server has a copy of its own";
}

TEST_F(registry_client_test, a_registry_that_refuses_the_page_size_is_asked_without) {
  server.reply(response(400, {}, complaint("PAGINATION_NUMBER_INVALID")));
  server.reply(response(200, {}, R"({"repositories":["a"]})"));
  EXPECT_EQ(get(client->list_repositories({}))->names, std::vector<std::string>{"a"});
  EXPECT_EQ(server.seen[1].target, "/v2/_catalog");
}

TEST_F(registry_client_test, referrers_are_listed_over_pages_and_unsupported_where_there_is_no_such_api) {
  const auto entry = [](const std::string& of) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + digest::of(of).text() +
           R"(","size":7})";
  };
  server.reply(response(200, {{"Link", "<?page=2>; rel=next"}}, R"({"manifests":[)" + entry("1") + "]}"));
  server.reply(response(200, {}, R"({"manifests":[)" + entry("2") + "]}"));
  const auto all = get(client->referrers("a", d));
  ASSERT_TRUE(all) << all.error().text;
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[1].digest, digest::of("2"));
  EXPECT_EQ((*all)[1].size, 7u);
  for (const char* code : {"NAME_UNKNOWN", "NOT_FOUND"}) {
    server.reply(response(404, {}, complaint(code)));
    const auto none = get(client->referrers("a", d));
    ASSERT_TRUE(none) << none.error().text;
    EXPECT_TRUE(none->empty()) << "that the repository is not there says nothing of the API";
  }
  server.reply(response(200, {}, "{}"));
  EXPECT_EQ(failure(client->referrers("a", d)).code, errc::corrupt);
}

TEST_F(registry_client_test, no_more_referrers_are_read_than_are_wanted) {
  std::string page;
  for (const char c : {'1', '2', '3'}) {
    page += std::string(page.empty() ? "" : ",") + R"({"digest":")" + digest::of(std::string(1, c)).text() + "\"}";
  }
  page = "{\"manifests\":[" + page + "]}";
  for (int i = 0; i < 2; ++i) {
    server.reply(response(200, {{"Link", "<?page=" + std::to_string(i + 2) + ">; rel=next"}}, page));
  }
  EXPECT_EQ(failure(client->referrers_within("a", d, 5)).code, errc::too_large);
  EXPECT_EQ(server.seen.size(), 2u);
  server.reply(response(200, {}, page));
  EXPECT_EQ(get(client->referrers_within("a", d, 3))->size(), 3u);
}

TEST_F(registry_client_test, a_registry_without_referrers_is_told_from_one_that_does_not_answer_for_them_now) {
  for (const errc code : {errc::unavailable, errc::unavailable, errc::unsupported, errc::unsupported}) {
    server.reply(response(404, {}, "404 page not found"));
    EXPECT_EQ(failure(client->referrers("a", d)).code, code) << "one may be a proxy's";
  }
  server.reply(response(200, {}, R"({"manifests":[]})"));
  ASSERT_TRUE(get(client->referrers("a", d)));
  for (int i = 0; i < 63; ++i) {
    server.reply(response(404, {}, "404 page not found"));
    ASSERT_EQ(failure(client->referrers("a", d)).code, errc::unavailable) << i;
  }
  server.reply(response(404, {}, "404 page not found"));
  EXPECT_EQ(failure(client->referrers("a", d)).code, errc::unsupported) << "it was replaced";
}

TEST_F(registry_client_test, a_registry_that_says_itself_that_it_has_no_referrers_is_believed_at_once) {
  const http_headers own{{"Docker-Distribution-Api-Version", "registry/2.0"}};
  server.reply(response(404, own.all(), "<html>not found</html>"));
  EXPECT_EQ(failure(client->referrers("a", d)).code, errc::unavailable) << "the words of a proxy";
  server.reply(response(404, own.all(), "404 page not found\n"));
  EXPECT_EQ(failure(client->referrers("a", d)).code, errc::unsupported);
}

TEST_F(registry_client_test, an_address_must_be_a_host_and_nothing_more) {
  for (const char* address : {"", "registry:5000", "http://a/prefix", "http://a/?x", "ftp://a"}) {
    registry_options o;
    o.address = address;
    EXPECT_FALSE(registry_client::create(io.get_executor(), now, std::move(o))) << address;
  }
}

TEST_F(registry_client_test, requests_and_bytes_are_counted_by_kind) {
  serves_manifest(manifest);
  server.reply(response(503));
  ASSERT_TRUE(get(client->get_manifest("a", "x")));
  failure(client->list_tags("a", {}));
  const auto& c = client->counters();
  EXPECT_EQ(c.of(request_kind::manifest).requests, 1u);
  EXPECT_GT(c.of(request_kind::manifest).bytes_in, manifest.size());
  EXPECT_EQ(c.of(request_kind::list).requests, 1u);
  EXPECT_EQ(c.of(request_kind::blob).requests, 0u);
}

}  // namespace
}  // namespace longshore::api
