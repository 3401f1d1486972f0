#include "api/ingest.h"

#include <boost/json.hpp>

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

constexpr const char* gitlab_path = "/api/v4/container_registry_event/events";
constexpr const char* north_path = "/v1/events/north";

class ingest_test : public site_test {
 protected:
  raw_answer send(std::string_view body, std::string_view path = north_path, std::string_view token = "north-token") {
    return connect().ask(post(path, token, body));
  }
  source_stats stats(std::size_t source = 0) {
    return on_server([&] { return ingest_->stats().sources.at(source); });
  }
};

std::string push(const std::string& id, const std::string& more = {}) {
  return R"({"events":[{"id":")" + id + R"(","action":"push","target":{"repository":"team/app","tag":"v1"})" + more +
         "}]}";
}

TEST_F(ingest_test, an_acknowledged_notification_is_in_the_log) {
  open();
  const raw_answer a = send(fixture("v2.8-push-manifest-tag.json"));
  EXPECT_EQ(a.status, 200) << a.body;
  ASSERT_EQ(size(), 1u);
  EXPECT_EQ(logged()[0].repository, "team/app");
  EXPECT_EQ(logged()[0].origin, "north");
  EXPECT_EQ(stats().appended, 1u);
}

TEST_F(ingest_test, every_content_type_and_both_token_forms_are_taken_on_both_paths) {
  open();
  int n = 0;
  for (const char* type :
       {"application/vnd.docker.distribution.events.v1+json", "application/vnd.docker.distribution.events.v2+json",
        "application/json", "application/json; charset=utf-8", "text/plain"}) {
    for (const char* token : {"north-token", "Bearer north-token", "bearer north-token"}) {
      for (const char* path : {north_path, gitlab_path}) {
        EXPECT_EQ(connect().ask(post(path, token, push(std::to_string(++n)), type)).status, 200) << type << token;
      }
    }
  }
  EXPECT_EQ(size(), 30u);
}

TEST_F(ingest_test, on_the_shared_path_the_token_names_the_source) {
  open();
  EXPECT_EQ(send(push("1"), gitlab_path, "Bearer east-token").status, 200);
  EXPECT_EQ(logged().at(0).origin, "east");
  EXPECT_EQ(send(push("1"), gitlab_path, "north-token").status, 200);
  EXPECT_EQ(logged().at(1).origin, "north") << "ids are unique within a source only";
}

TEST_F(ingest_test, a_wrong_token_is_401_and_nothing_is_kept) {
  open();
  for (const char* token : {"", "wrong", "Bearer wrong", "east-token", "admin-token", "Basic north-token"}) {
    const raw_answer a = send(push("1"), north_path, token);
    EXPECT_EQ(a.status, 401) << token;
    EXPECT_EQ(boost::json::parse(a.body).at("errors").at(0).at("code"), "UNAUTHORIZED");
    EXPECT_EQ(a.body.find("-token"), std::string::npos);
  }
  EXPECT_EQ(send(push("1"), "/v1/events/unknown", "north-token").status, 401);
  EXPECT_EQ(send(push("1"), gitlab_path, "wrong").status, 401);
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(quarantine_->count(), 0u);
  EXPECT_EQ(stats().unauthorized, 6u);
  EXPECT_EQ(on_server([&] { return ingest_->stats().unauthorized; }), 8u);
  EXPECT_EQ(warnings_, 2) << "of wrong tokens and of an unknown source, told once a minute each, not each time";
}

TEST_F(ingest_test, what_goes_by_a_source_that_is_not_there_is_told_to_the_operator_and_not_to_the_stranger) {
  open();
  std::uint64_t counted = 0;
  for (const char* path : {"/v1/events/nroth", "/v1/event/north", "/events"}) {
    const raw_answer a = send(push("1"), path, "north-token");
    EXPECT_GE(a.status, 401);
    EXPECT_EQ(a.body.find("east"), std::string::npos) << "no source is named to it";
    const auto told = on_server([&] { return ingest_->stats(); });
    EXPECT_EQ(told.misdirected, ++counted);
    EXPECT_EQ(told.misdirected_last, path);
    const std::string said = on_server([&] { return warning_; });
    EXPECT_NE(said.find(path == std::string("/v1/events/nroth") ? "there is no [[source]] nroth" : "/v1/events/NAME"),
              std::string::npos)
        << said;
    EXPECT_NE(said.find("north, east"), std::string::npos) << said;
    now_.advance_us(61'000'000);
  }
  const int before = warnings_;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(push("1"), "/v1/event/north", "north-token").status, 404);
  EXPECT_EQ(warnings_, before + 1) << "once a minute";
}

TEST_F(ingest_test, a_redelivered_event_is_acknowledged_and_not_appended_again) {
  open();
  const std::string body = fixture("v2.8-push-blob.json");
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(stats().duplicates, 1u);
  EXPECT_EQ(stats().appended, 1u);
}

TEST_F(ingest_test, equal_events_without_id_are_all_kept_and_known_when_redelivered) {
  open();
  const std::string event = R"({"action":"pull","target":{"repository":"r"}})";
  const std::string body = R"({"events":[)" + event + "," + event + "," + event + "]}";
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(size(), 3u);
  EXPECT_EQ(stats().duplicates, 3u);
}

TEST_F(ingest_test, a_tag_that_moves_back_is_an_event_though_it_has_neither_id_nor_time) {
  open();
  const auto moved_to = [](const std::string& there) {
    std::string events;
    for (const char d : there) {
      events += (events.empty() ? "" : ",") +
                (R"({"action":"push","target":{"repository":"team/app","tag":"v1","digest":"sha256:)" +
                 std::string(64, d) + "\"}}");
    }
    return R"({"events":[)" + events + "]}";
  };
  for (const char* there : {"a", "b", "a"}) {
    EXPECT_EQ(send(moved_to(there)).status, 200);
    const auto before = size();
    EXPECT_EQ(send(moved_to(there)).status, 200);
    EXPECT_EQ(size(), before) << "the same envelope again";
  }
  EXPECT_EQ(size(), 3u);
  EXPECT_EQ(logged().back().digest, "sha256:" + std::string(64, 'a'));
  EXPECT_EQ(send(moved_to("bc")).status, 200);
  EXPECT_EQ(send(moved_to("bc")).status, 200) << "of one envelope the last word on the tag counts";
  EXPECT_EQ(size(), 5u);
}

std::string moved(const std::string& tag, char d) {
  return R"({"action":"push","target":{"repository":"team/app","tag":")" + tag + R"(","digest":"sha256:)" +
         std::string(64, d) + "\"}}";
}
std::string deleted(const std::string& of) {
  return R"({"action":"delete","target":{"repository":"team/app")" + of + "}}";
}
std::string envelope(const std::string& events) { return R"({"events":[)" + events + "]}"; }

TEST_F(ingest_test, an_envelope_that_ends_as_the_log_does_is_no_redelivery_when_it_brings_news) {
  open();
  EXPECT_EQ(send(envelope(moved("v1", 'a'))).status, 200);
  // v1 goes to b and back to a, told in one envelope that was never sent before.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(send(envelope(moved("v1", 'b') + "," + moved("v1", 'a'))).status, 200);
    EXPECT_EQ(size(), 3u) << "a, b, a";
  }
  EXPECT_EQ(logged().back().digest, "sha256:" + std::string(64, 'a')) << "the log must end where the tag is";
  // The news may be of another tag.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(send(envelope(moved("v1", 'a') + "," + moved("v2", 'c'))).status, 200);
    EXPECT_EQ(size(), 5u);
  }
}

TEST_F(ingest_test, what_is_deleted_pushed_again_and_deleted_again_is_recorded_without_id_or_time) {
  open();
  const std::string digest = R"(,"digest":"sha256:)" + std::string(64, 'a') + "\"";
  std::size_t recorded = 0;
  for (const std::string& gone : {deleted(digest), deleted(R"(,"tag":"v1")"), deleted("")}) {
    for (const auto& event : {moved("v1", 'a'), gone, moved("v1", 'a'), gone}) {
      ++recorded;
      for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(send(envelope(event)).status, 200);
        EXPECT_EQ(size(), recorded) << event;
      }
    }
    EXPECT_EQ(logged().back().kind, log::event_kind::erased) << "it is gone, and the log must end so";
  }
}

TEST_F(ingest_test, a_probe_is_recorded_and_says_nothing_of_the_registry) {
  open();
  int doubts = 0;
  on_server([&] { return ingest_->on_doubt([&](const std::string&, const std::string&) { ++doubts; }), 0; });
  const std::string probe = R"({"events":[{"id":"p","action":"doctor","target":{"repository":"longshore/doctor"}}]})";
  EXPECT_EQ(send(push("1")).status, 200);
  const source_stats before = stats();
  disk_full_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(push("2")).status, 507);
  EXPECT_EQ(send(probe).status, 507);
  EXPECT_EQ(stats().refused_in_a_row, 5u);
  EXPECT_EQ(on_server([&] { return doubts; }), 1) << "of the registry's own";
  disk_full_ = false;
  now_.advance_us(1'000'000);
  EXPECT_EQ(send(probe).status, 200);
  EXPECT_EQ(size(), 2u);
  EXPECT_EQ(stats().refused_in_a_row, 5u) << "the registry was not heard yet";
  EXPECT_EQ(stats().last_event, before.last_event);
  EXPECT_EQ(stats().last_seq, before.last_seq);
  EXPECT_EQ(on_server([&] { return doubts; }), 1);
  EXPECT_EQ(send(push("2")).status, 200);
  EXPECT_EQ(on_server([&] { return doubts; }), 2);
}

TEST_F(ingest_test, an_envelope_of_many_events_is_appended_whole_and_in_order) {
  open();
  std::string body = "{\"events\":[";
  for (int i = 0; i < 500; ++i) {
    body += std::string(i > 0 ? "," : "") + R"({"id":"e)" + std::to_string(i) +
            R"(","action":"push","target":{"repository":"r"}})";
  }
  EXPECT_EQ(send(body + "]}").status, 200);
  const auto events = logged();
  ASSERT_EQ(events.size(), 500u);
  for (std::size_t i = 0; i < events.size(); ++i) EXPECT_EQ(events[i].id, "e" + std::to_string(i));
}

std::string chunk_of(const std::string& bytes) {
  char size_line[20];
  std::snprintf(size_line, sizeof size_line, "%zx\r\n", bytes.size());
  return size_line + bytes + "\r\n";
}

const std::string chunked_head =
    "POST /v1/events/north HTTP/1.1\r\nHost: x\r\nAuthorization: north-token\r\nTransfer-Encoding: chunked\r\n\r\n";

TEST_F(ingest_test, a_chunked_body_is_taken) {
  open();
  const std::string body = push("1");
  const std::string text = chunked_head + chunk_of(body.substr(0, 5)) + chunk_of(body.substr(5)) + "0\r\n\r\n";
  EXPECT_EQ(connect().ask(text).status, 200);
  EXPECT_EQ(size(), 1u);
}

TEST_F(ingest_test, the_end_of_a_chunked_body_may_come_byte_by_byte) {
  open();
  const std::string end = "0\r\n\r\n";
  raw_client c = connect();
  for (const std::string& chunk : {std::string(), chunk_of(push("1"))}) {
    c.send(chunked_head + chunk);
    for (const char byte : end) {
      for (int turn = 0; turn < 4; ++turn) on_server([] { return 0; });  // what came before has been read
      c.send({&byte, 1});
    }
    EXPECT_EQ(c.receive().status, chunk.empty() ? 202 : 200);
  }
  EXPECT_EQ(size(), 1u);
}

TEST_F(ingest_test, a_body_over_the_limit_is_413_counted_and_told_whether_announced_or_chunked) {
  ingest_options_.body_bytes_max = 10'000;
  open();
  EXPECT_EQ(send(std::string(10'001, ' ')).status, 413);
  const std::string head = "POST /v1/events/north HTTP/1.1\r\nHost: x\r\nAuthorization: north-token\r\n";
  EXPECT_EQ(connect().ask(head + "Content-Length: 99999999999999\r\n\r\n").status, 413);
  EXPECT_EQ(connect().ask(head + "Transfer-Encoding: chunked\r\n\r\n2712\r\n" + std::string(10'002, ' ')).status, 413);
  EXPECT_EQ(stats().too_large, 3u);
  EXPECT_EQ(warnings_, 1);
  EXPECT_EQ(send(push("1")).status, 200) << "the next notification is not hindered";
}

TEST_F(ingest_test, what_cannot_be_understood_is_quarantined_verbatim_and_acknowledged) {
  open();
  const std::vector<std::string> bodies{"{broken",
                                        "[]",
                                        R"({"events":7})",
                                        "",
                                        std::string("\0\xff\x01", 3),
                                        R"({"events":[{"action":"push","target":{"repository":"r","size":-5}}]})"};
  for (const std::string& body : bodies) EXPECT_EQ(send(body).status, 202) << body;
  EXPECT_EQ(size(), 0u);
  const auto kept = quarantine_->list(0, 100);
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->size(), bodies.size());
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    EXPECT_EQ((*kept)[i].body, bodies[i]);
    EXPECT_EQ((*kept)[i].source, "north");
    EXPECT_FALSE((*kept)[i].reason.empty());
  }
  EXPECT_EQ(stats().quarantined, bodies.size());
}

TEST_F(ingest_test, of_a_half_good_envelope_the_good_events_are_logged_and_the_body_is_quarantined) {
  open();
  const std::string body = R"({"events":[{"id":"1","action":"push","target":{"repository":"r"}},{"action":5}]})";
  EXPECT_EQ(send(body).status, 202);
  EXPECT_EQ(send(body).status, 202);
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(quarantine_->count(), 1u);
}

TEST_F(ingest_test, an_event_too_large_for_a_record_is_logged_without_its_json_which_is_quarantined) {
  open();
  const std::string body = push("1", ",\"x\":\"" + std::string(100'000, 'x') + "\"");
  EXPECT_EQ(send(body).status, 202);
  ASSERT_EQ(size(), 1u);
  EXPECT_EQ(logged()[0].detail, "");
  EXPECT_EQ(logged()[0].repository, "team/app");
  EXPECT_EQ(quarantine_->list(0, 1)->at(0).body, body);
}

TEST_F(ingest_test, pulls_are_dropped_as_the_settings_say_and_counted) {
  const auto pull = [](const std::string& id, const std::string& agent) {
    return R"({"events":[{"id":")" + id + R"(","action":"pull","target":{"repository":"r"},"request":{"useragent":")" +
           agent + "\"}}]}";
  };
  ingest_options_.drop = dropped_pulls::own;
  open();
  EXPECT_EQ(send(pull("1", "longshore/0.1")).status, 200);
  EXPECT_EQ(send(pull("2", "docker/24")).status, 200);
  EXPECT_EQ(send(push("3", R"(,"request":{"useragent":"longshore/0.1"})")).status, 200);
  EXPECT_EQ(size(), 2u);
  EXPECT_EQ(stats().dropped, 1u);
}

class ingest_without_pulls_test : public ingest_test {};
TEST_F(ingest_without_pulls_test, all_pulls_can_be_dropped) {
  ingest_options_.drop = dropped_pulls::all;
  open();
  EXPECT_EQ(send(fixture("v2.8-pull-blob.json")).status, 200);
  EXPECT_EQ(send(fixture("v2.8-push-blob.json")).status, 200);
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(stats().dropped, 1u);
}

TEST_F(ingest_test, a_registry_process_seen_for_the_first_time_counts_as_a_restart) {
  open();
  int n = 0;
  for (const char* instance : {"a", "a", "b", "a", "b", "c"}) {
    EXPECT_EQ(send(push(std::to_string(++n), std::string(R"(,"source":{"instanceID":")") + instance + "\"}")).status,
              200);
  }
  EXPECT_EQ(stats().restarts, 2u);
}

TEST_F(ingest_test, a_registry_process_is_known_only_after_its_events_are_durable) {
  open();
  std::vector<std::string> doubts;
  on_server([&] {
    ingest_->on_doubt([&](const std::string& source, const std::string&) { doubts.push_back(source); });
    ingest_->remember("north", {"before"}, {1'000}, {0});
    return 0;
  });
  const std::string body = push("1", R"(,"source":{"instanceID":"after"})");
  disk_full_ = true;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(send(body).status, 507);
  EXPECT_EQ(stats().restarts, 0u);
  EXPECT_EQ(stats().instances, std::vector<std::string>{"before"});
  EXPECT_TRUE(on_server([&] { return doubts.empty(); })) << "nor is it told yet: it will be when it comes again";
  disk_full_ = false;
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(stats().restarts, 1u);
  EXPECT_EQ(on_server([&] { return doubts; }), std::vector<std::string>{"north"});
  EXPECT_EQ(send(body).status, 200);
  EXPECT_EQ(stats().restarts, 1u);
}

TEST_F(ingest_test, another_registry_process_and_many_refusals_are_told_as_doubts) {
  open();
  std::vector<std::string> doubts;
  on_server([&] {
    ingest_->on_doubt(
        [&](const std::string& source, const std::string& reason) { doubts.push_back(source + ": " + reason); });
    ingest_->remember("north", {"before"}, {1'000}, {0});
    return 0;
  });
  const auto told = [&] { return on_server([&] { return doubts; }); };
  EXPECT_EQ(stats().last_seq, event_seq{0});
  const auto from = [](const std::string& process) { return R"(,"source":{"instanceID":")" + process + "\"}"; };
  EXPECT_EQ(send(push("1", from("before"))).status, 200);
  EXPECT_TRUE(told().empty()) << "the same process as the log knows from before";
  EXPECT_EQ(send(push("2", from("after"))).status, 200);
  ASSERT_EQ(told().size(), 1u);
  EXPECT_TRUE(told()[0].starts_with("north: another process"));
  EXPECT_EQ(stats().last_seq, event_seq{1});

  disk_full_ = true;
  for (int i = 0; i < 4; ++i) EXPECT_EQ(send(push("3")).status, 507);
  disk_full_ = false;
  EXPECT_EQ(send(push("3", from("after"))).status, 200);
  EXPECT_EQ(told().size(), 1u) << "a few refusals lose nothing";
  disk_full_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(push("4")).status, 507);
  EXPECT_EQ(stats().refused_at, now_.now());
  ASSERT_EQ(told().size(), 2u) << "it may have given up";
  EXPECT_NE(told()[1].find("5 times"), std::string::npos);
  EXPECT_EQ(send(push("4"), north_path, "wrong").status, 401);
  EXPECT_EQ(stats().refused_in_a_row, 5u);
  disk_full_ = false;
  EXPECT_EQ(send(push("4", from("after"))).status, 200);
  ASSERT_EQ(told().size(), 3u) << "and what looked meanwhile looked too early";
  EXPECT_NE(told()[2].find("5 times"), std::string::npos);
  EXPECT_EQ(stats().refused_in_a_row, 0u);
}

TEST_F(ingest_test, a_registry_that_gave_up_on_what_was_refused_and_is_quiet_since_is_doubted) {
  open();
  int doubts = 0;
  on_server([&] { return ingest_->on_doubt([&](const std::string&, const std::string&) { ++doubts; }), 0; });
  disk_full_ = true;
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(push("1")).status, 507);
  EXPECT_EQ(stats().refused_in_a_row, 10u);
  EXPECT_EQ(on_server([&] { return doubts; }), 2) << "an hour later the refusals say nothing any more";
}

TEST_F(ingest_test, what_is_refused_after_a_look_for_the_first_refusals_is_doubted_again) {
  open();
  int doubts = 0;
  on_server([&] { return ingest_->on_doubt([&](const std::string&, const std::string&) { ++doubts; }), 0; });
  disk_full_ = true;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(send(push("1")).status, 507);
  ASSERT_EQ(on_server([&] { return doubts; }), 1);
  now_.advance_us(600'000'000);  // a complete look at every tag has settled the doubt meanwhile
  for (int i = 0; i < 10; ++i) EXPECT_EQ(send(push("2")).status, 507);
  EXPECT_GE(on_server([&] { return doubts; }), 2) << "the registry gave up on this one, too, and is quiet since";
  for (int i = 0; i < 85; ++i) EXPECT_EQ(send(push("3")).status, 507);
  EXPECT_EQ(on_server([&] { return doubts; }), 5) << "each costs a look at all tags: at 5, 10, 20, 40 and 80";
}

TEST_F(ingest_test, a_registry_whose_notification_was_put_aside_was_answered) {
  log_options_.queue_events_max = 1;
  open();
  disk_full_ = true;
  EXPECT_EQ(send(push("1")).status, 507);
  EXPECT_EQ(send(push("1"), north_path, "wrong").status, 401);
  EXPECT_EQ(stats().refused_in_a_row, 1u);
  disk_full_ = false;
  const auto event = [](const std::string& id) {
    return R"({"id":")" + id + R"(","action":"push","target":{"repository":"team/app","tag":"v1"}})";
  };
  EXPECT_EQ(send(R"({"events":[)" + event("1") + "," + event("2") + "]}").status, 202) << "more than the log takes";
  EXPECT_EQ(stats().quarantined, 1u);
  EXPECT_EQ(stats().refused_in_a_row, 0u);
  EXPECT_EQ(stats().wrong_tokens_in_a_row, 0u);
}

TEST_F(ingest_test, wrong_tokens_are_shown_and_make_nobody_suspect_a_loss) {
  open();
  int doubts = 0;
  on_server([&] { return ingest_->on_doubt([&](const std::string&, const std::string&) { ++doubts; }), 0; });
  EXPECT_EQ(send(push("1")).status, 200);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(send(push("2"), north_path, "wrong").status, 401);
  EXPECT_EQ(stats().wrong_tokens_in_a_row, 20u);
  EXPECT_EQ(stats().wrong_token_at, now_.now());
  EXPECT_EQ(stats().refused_in_a_row, 0u);
  EXPECT_EQ(send(push("2")).status, 200);
  EXPECT_EQ(on_server([&] { return doubts; }), 0);
  EXPECT_EQ(stats().wrong_tokens_in_a_row, 0u);
  EXPECT_EQ(stats().unauthorized, 20u);
}

TEST_F(ingest_test, while_the_disk_is_full_nothing_is_acknowledged_507) {
  open();
  disk_full_ = true;
  EXPECT_EQ(send(push("1")).status, 507);
  EXPECT_EQ(send("{broken").status, 507);
  EXPECT_EQ(size(), 0u);
  EXPECT_EQ(quarantine_->count(), 0u);
  disk_full_ = false;
  EXPECT_EQ(send(push("1")).status, 200);
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(stats().unavailable, 2u);
}

TEST_F(ingest_test, after_a_failed_sync_every_notification_is_503_and_none_is_acknowledged) {
  open();
  EXPECT_EQ(send(push("1")).status, 200);
  disk_->fail_at(longshore::testing::fault_scope::write_ahead_log, 1);
  for (int i = 2; i < 6; ++i) {
    const raw_answer a = send(push(std::to_string(i)));
    EXPECT_EQ(a.status, 503);
    EXPECT_TRUE(a.headers.contains("retry-after"));
  }
  EXPECT_TRUE(sequencer_->failed());
  EXPECT_EQ(size(), 1u);
  EXPECT_EQ(connect().ask(get("/readyz", "")).status, 503);
  EXPECT_EQ(connect().ask(get("/healthz", "")).status, 200);
  EXPECT_EQ(connect().ask(get("/v1/log/events", "south-token")).status, 200) << "reads go on";
}

TEST_F(ingest_test, a_stopped_log_answers_503) {
  open();
  sequencer_->stop();
  EXPECT_EQ(send(push("1")).status, 503);
}

TEST_F(ingest_test, many_connections_at_once_lose_and_double_nothing) {
  open();
  std::vector<std::thread> senders;
  std::atomic<int> acknowledged{0};
  for (int t = 0; t < 8; ++t) {
    senders.emplace_back([&, t] {
      raw_client c = connect();
      for (int i = 0; i < 50; ++i) {
        if (c.ask(post(north_path, "north-token", push(std::to_string(t * 40 + i)))).status == 200) ++acknowledged;
      }
    });
  }
  for (std::thread& s : senders) s.join();
  EXPECT_EQ(acknowledged, 400);
  EXPECT_EQ(size(), 330u) << "neighbours send 10 ids twice";
  EXPECT_EQ(stats().appended + stats().duplicates, 400u);
}

}  // namespace
}  // namespace longshore::api
