#include "api/notification.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/event_slices.h"
#include "storage/digest.h"
#include "storage/env/random.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

const std::vector<std::string> all_fixtures{
    "v2.8-push-manifest-tag.json", "v2.8-push-blob.json",   "v2.8-pull-blob.json",      "v2.8-mount-blob.json",
    "v2.8-delete-tag.json",        "v2.8-delete-blob.json", "v2.8-delete-manifest.json"};

log::event only(const std::string& body) {
  auto n = parse_notification(body, "north");
  EXPECT_TRUE(n) << n.error().text;
  if (!n) return {};
  EXPECT_TRUE(n->whole()) << n->reason;
  EXPECT_EQ(n->events.size(), 1u);
  return n->events.empty() ? log::event{} : n->events.front();
}

std::string around(const std::string& events) { return "{\"events\":[" + events + "]}"; }

// Why this event is refused; empty: it is not.
std::string refusal_of(const std::string& event) {
  auto n = parse_notification(around(event), "north");
  if (!n) return n.error().text;
  return n->refused > 0 ? n->reason : "";
}

TEST(notification, a_recorded_push_becomes_an_event_with_every_field) {
  const std::string body = fixture("v2.8-push-manifest-tag.json");
  const log::event e = only(body);
  EXPECT_EQ(e.kind, log::event_kind::push);
  EXPECT_EQ(e.origin, "north");
  EXPECT_EQ(e.id, "38739657-95ee-45a2-aee6-9e44673c9c67");
  EXPECT_EQ(to_rfc3339(e.occurred), "2026-11-23T21:19:06.120330Z");
  EXPECT_EQ(e.repository, "team/app");
  EXPECT_EQ(e.tag, "v0");
  EXPECT_EQ(e.digest, "sha256:a45735357517a903d6a07f5fdae53c1f7eebe120a15e1e34390b6794743922ab");
  EXPECT_EQ(e.media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(e.size, 1195u);
  EXPECT_EQ(e.request_id, "0c25af99-db50-4908-9081-ce66a0fc484a");
  EXPECT_EQ(e.request_addr, "127.0.0.1:57838");
  EXPECT_EQ(e.request_host, "localhost:5001");
  EXPECT_EQ(e.request_method, "PUT");
  EXPECT_EQ(e.request_useragent, "skopeo/1.9.3");
  EXPECT_EQ(e.instance, "5513278c-a0d5-405e-b3a2-fec90997cdc0");
  EXPECT_EQ(e.action, "push");
}

TEST(notification, every_recorded_notification_is_understood_and_kept_verbatim) {
  for (const std::string& name : all_fixtures) {
    const std::string body = fixture(name);
    const log::event e = only(body);
    EXPECT_NE(body.find(e.detail), std::string::npos) << name;
    EXPECT_EQ(boost::json::parse(e.detail), boost::json::parse(body).at("events").at(0)) << name;
    EXPECT_NE(e.kind, log::event_kind::unknown) << name;
  }
  EXPECT_EQ(only(fixture("v2.8-mount-blob.json")).from_repository, "team/app");
  EXPECT_EQ(only(fixture("v2.8-delete-tag.json")).tag, "v1");
  EXPECT_EQ(only(fixture("v2.8-delete-tag.json")).digest, "");
}

TEST(notification, a_v3_tag_delete_with_empty_fields_equals_a_v2_one_without_them) {
  const log::event v3 =
      only(around(R"({"id":"a","action":"delete",)"
                  R"("target":{"mediaType":"","digest":"","size":0,"repository":"team/app","tag":"v1"}})"));
  const log::event v2 = only(around(R"({"id":"a","action":"delete","target":{"repository":"team/app","tag":"v1"}})"));
  log::event same = v3;
  same.detail = v2.detail;
  EXPECT_EQ(same, v2);
  EXPECT_EQ(v3.kind, log::event_kind::erased);
}

TEST(notification, deletes_of_digests_and_repositories_keep_what_is_known) {
  const log::event d = only(around(
      R"({"id":"a","action":"delete","target":{"digest":"sha256:aa","tag":"","mediaType":"","repository":"r"}})"));
  EXPECT_EQ(d.digest, "sha256:aa");
  EXPECT_EQ(d.tag, "");
  const log::event r = only(around(R"({"id":"a","action":"delete","target":{"repository":"r"}})"));
  EXPECT_EQ(r.digest + r.tag, "");
  EXPECT_EQ(r.repository, "r");
}

TEST(notification, length_stands_in_for_a_missing_size) {
  EXPECT_EQ(only(around(R"({"id":"a","action":"pull","target":{"repository":"r","length":7}})")).size, 7u);
  EXPECT_EQ(only(around(R"({"id":"a","action":"pull","target":{"repository":"r","size":0,"length":7}})")).size, 7u);
  EXPECT_EQ(only(around(R"({"id":"a","action":"pull","target":{"repository":"r","size":5,"length":7}})")).size, 5u);
}

TEST(notification, an_unknown_action_is_kept_with_its_word) {
  const log::event e = only(around(R"({"id":"a","action":"rename","target":null})"));
  EXPECT_EQ(e.kind, log::event_kind::unknown);
  EXPECT_EQ(e.action, "rename");
}

TEST(notification, an_event_without_id_gets_the_digest_of_its_bytes) {
  const std::string event = R"({ "action" : "push" , "target":{"repository":"r"}})";
  EXPECT_EQ(only(around("  " + event + "\n")).id, longshore::digest::of(event).text());
  EXPECT_EQ(only(around(event)).detail, event);
}

TEST(notification, equal_events_without_id_are_as_many_events_and_the_same_ones_when_sent_again) {
  const std::string pull = R"({"action":"pull","target":{"repository":"r"}})";
  const std::string body =
      around(pull + "," + R"({"action":"push","target":{"repository":"r"}})" + "," + pull + "," + pull);
  const auto ids = [&] {
    std::vector<std::string> found;
    for (const log::event& e : parse_notification(body, "north")->events) found.push_back(e.id);
    return found;
  };
  const std::string id = longshore::digest::of(pull).text();
  ASSERT_EQ(ids().size(), 4u);
  EXPECT_EQ(ids()[0], id);
  EXPECT_EQ(ids()[2], id + "#2");
  EXPECT_EQ(ids()[3], id + "#3");
  EXPECT_EQ(ids(), ids());
}

TEST(notification, envelopes_of_many_and_of_no_events_are_understood_in_order) {
  std::string events;
  for (int i = 0; i < 300; ++i) {
    if (i > 0) events += " ,\n";
    events += R"({"id":")" + std::to_string(i) + R"(","action":"push","x":"]}\"[{","target":{"repository":"r"}})";
  }
  auto n = parse_notification(around(events), "north");
  ASSERT_TRUE(n);
  ASSERT_EQ(n->events.size(), 300u);
  EXPECT_EQ(n->events[299].id, "299");
  EXPECT_EQ(boost::json::parse(n->events[299].detail).at("x"), "]}\"[{");
  EXPECT_EQ(parse_notification(R"({"events":[]})", "north")->events.size(), 0u);
}

TEST(notification, an_envelope_whose_members_cannot_be_sliced_still_keeps_each_events_json) {
  const std::string event = R"({"id":"a","action":"push","target":{"repository":"r"}})";
  const log::event e = only(R"({"\u0065vents":[)" + event + "]}");
  EXPECT_EQ(boost::json::parse(e.detail), boost::json::parse(event));
  EXPECT_TRUE(event_slices(R"({"events":[1],"events":[2]})").empty());
  EXPECT_EQ(event_slices(R"({"a":{"events":[9]},"events":[1, "x" ,[2]],"b":[]})").size(), 3u);
}

TEST(notification, bodies_that_are_no_envelope_are_invalid) {
  for (const char* body : {"", "{", "null", "[]", "{}", R"({"events":{}})", R"({"events":null})", "{\"events\":[}",
                           "\xff", R"({"events":[]} trailing)", "{\"events\":[\"\xc3\"]}"}) {
    auto n = parse_notification(body, "north");
    ASSERT_FALSE(n) << body;
    EXPECT_EQ(n.error().code, errc::invalid);
    EXPECT_FALSE(n.error().text.empty());
  }
  EXPECT_FALSE(parse_notification(around(std::string(100, '[') + std::string(100, ']')), "north")) << "depth";
  std::string many = "{}";
  for (std::size_t i = 0; i < notification_events_max; ++i) many += ",{}";
  EXPECT_FALSE(parse_notification(around(many), "north")) << "number";
}

TEST(notification, wrong_shapes_and_absurd_values_are_refused_with_the_reason) {
  const auto with_target = [](const std::string& member) {
    return R"({"id":"a","action":"push","target":{"repository":"r",)" + member + "}}";
  };
  EXPECT_NE(refusal_of("1"), "");
  EXPECT_NE(refusal_of("{}"), "");
  EXPECT_NE(refusal_of(R"({"action":7})"), "");
  EXPECT_NE(refusal_of(R"({"action":"push"})"), "");
  EXPECT_NE(refusal_of(R"({"action":"push","target":[]})"), "");
  EXPECT_NE(refusal_of(R"({"action":"delete","target":{"tag":"v1"}})"), "");
  EXPECT_NE(refusal_of(R"({"action":"push","target":{"repository":"r"},"request":"x"})"), "");
  EXPECT_NE(refusal_of(R"({"id":{},"action":"push","target":{"repository":"r"}})"), "");
  EXPECT_NE(refusal_of(R"({"action":"push","timestamp":"noon","target":{"repository":"r"}})"), "");
  EXPECT_NE(refusal_of(with_target(R"("size":-1)")), "");
  EXPECT_NE(refusal_of(with_target(R"("size":1e300)")), "");
  EXPECT_NE(refusal_of(with_target(R"("size":18446744073709551615)")), "");
  EXPECT_NE(refusal_of(with_target(R"("size":"12")")), "");
  EXPECT_NE(refusal_of(with_target(R"("tag":["v1"])")), "");
  EXPECT_NE(refusal_of(with_target(R"("tag":"a\u0000b")")), "");
  EXPECT_NE(refusal_of(with_target("\"tag\":\"" + std::string(300, 't') + "\"")), "");
  EXPECT_EQ(refusal_of(with_target(R"("size":9223372036854775807)")), "");
  EXPECT_EQ(refusal_of(R"({"action":"push","timestamp":"0001-01-01T00:00:00Z","target":{"repository":"r"}})"), "");
}

TEST(notification, one_bad_event_does_not_take_the_others_with_it) {
  auto n = parse_notification(
      around(R"({"id":"1","action":"push","target":{"repository":"r"}},{},{"id":"3","action":"x"})"), "north");
  ASSERT_TRUE(n);
  EXPECT_EQ(n->events.size(), 2u);
  EXPECT_EQ(n->refused, 1u);
  EXPECT_NE(n->reason.find("event 1"), std::string::npos) << n->reason;
}

TEST(notification, an_event_too_large_for_a_record_is_kept_without_its_json) {
  for (const std::size_t size : {60'000u, 64'000u, 65'000u, 65'535u, 70'000u, 500'000u}) {
    auto n = parse_notification(
        around(R"({"id":"a","action":"push","target":{"repository":"r"},"x":")" + std::string(size, 'x') + "\"}"),
        "north");
    ASSERT_TRUE(n);
    ASSERT_EQ(n->events.size(), 1u);
    log::event e = n->events.front();
    e.seq = {~std::uint64_t{0}};
    e.recorded = {INT64_MAX};
    EXPECT_TRUE(log::encode(e)) << size;
    EXPECT_EQ(n->without_detail, e.detail.empty() ? 1u : 0u);
    EXPECT_EQ(e.detail.empty(), size >= 65'535) << size;
  }
}

TEST(notification, an_endless_user_agent_cannot_hide_a_push) {
  const log::event e = only(around(R"({"id":"a","action":"push","target":{"repository":"r"},"request":{"useragent":")" +
                                   std::string(9'000, 'u') + "\"}}"));
  EXPECT_EQ(e.repository, "r");
  EXPECT_EQ(e.request_useragent, "");
  EXPECT_GT(e.detail.size(), 9'000u);
}

void mutate(std::string& body, random_source& random) {
  const std::uint64_t changes = 1 + random.below(2);
  for (std::uint64_t i = 0; i < changes && !body.empty(); ++i) {
    const std::size_t at = random.below(body.size());
    const std::size_t some = 1 + random.below(20);
    switch (random.below(5)) {
      case 0:
        body[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        body.erase(at, some);
        break;
      case 2:
        body.insert(at, body.substr(random.below(body.size()), some));
        break;
      case 3:
        body.insert(at, 1, "{}[]\",:\\0-e\n"[random.below(12)]);
        break;
      case 4:
        body.resize(at);
        break;
    }
  }
}

TEST(notification, whatever_is_sent_ends_as_an_event_that_can_be_recorded_or_as_a_refusal_with_a_reason) {
  std::vector<std::string> seeds;
  for (const std::string& name : all_fixtures) seeds.push_back(fixture(name));
  seeds.push_back(R"({"events":[{"id":"1","action":"a"},{"id":"2","action":"b","target":{"size":1}}]})");
  seeded_random random(20'261'123);
  std::size_t understood = 0, refused = 0;
  for (int round = 0; round < 30'000; ++round) {
    std::string body = seeds[random.below(seeds.size())];
    mutate(body, random);
    const auto n = parse_notification(body, "north");
    if (!n) {
      ++refused;
      ASSERT_EQ(n.error().code, errc::invalid);
      ASSERT_FALSE(n.error().text.empty());
      continue;
    }
    ASSERT_EQ(n->whole(), n->reason.empty());
    for (const log::event& e : n->events) {
      ++understood;
      const auto record = log::encode(e);
      ASSERT_TRUE(record) << body;
      ASSERT_EQ(*log::decode(*record), e);
      ASSERT_FALSE(e.id.empty());
      ASSERT_FALSE(e.action.empty());
      boost::system::error_code ec;
      boost::json::parse(e.detail, ec);
      ASSERT_FALSE(ec) << e.detail;
    }
  }
  EXPECT_GT(understood, 3'000u);
  EXPECT_GT(refused, 3'000u);
}

}  // namespace
}  // namespace longshore::api
