#include "api/admin.h"

#include <boost/json.hpp>

#include "engine/journal_records.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

class admin_test : public site_test {
 protected:
  json::value ask(const std::string& path) {
    const raw_answer a = connect().ask(get(path, "admin-token"));
    EXPECT_EQ(a.status, 200) << path << a.body;
    return json::parse(a.body);
  }
  int status_of(const std::string& path, std::string_view method = "GET") {
    return connect().ask(post(path, "Bearer admin-token", "", "application/json", method)).status;
  }
  void journal(log::event e) {
    e.origin = "here";
    std::promise<void> done;
    ASSERT_TRUE(journal_sequencer_->submit({std::move(e)}, [&](result<log::append_outcome>) { done.set_value(); }));
    done.get_future().get();
  }
};

TEST_F(admin_test, the_status_tells_what_the_site_holds) {
  open();
  append({push_of("a", 1), push_of("b/c", 2)});
  connect().ask(post("/v1/events/north", "north-token", "{broken"));
  const json::value s = ask("/v1/status");
  EXPECT_EQ(s.at("site"), "here");
  EXPECT_EQ(s.at("log").at("size"), 2);
  EXPECT_EQ(s.at("repositories").at("pending"), 2);
  EXPECT_EQ(s.at("quarantined"), 1);
  EXPECT_EQ(s.at("sources").at(0).at("name"), "north");
  EXPECT_EQ(s.at("sources").at(0).at("quarantined"), 1);
  EXPECT_EQ(s.at("http").at("connections"), 1);
}

TEST_F(admin_test, the_status_says_how_the_site_is) {
  open();
  EXPECT_EQ(ask("/v1/status").at("verdict").at("state"), "well");
  EXPECT_TRUE(ask("/v1/status").at("verdict").at("to_do").as_array().empty());
  connect().ask(post("/v1/events/north", "north-token", "{broken"));
  const json::value attention = ask("/v1/status").at("verdict");
  EXPECT_EQ(attention.at("state"), "attention");
  EXPECT_NE(attention.at("to_do").at(0).as_string().find("status --quarantine"), std::string::npos);
  disk_full_ = true;
  connect().ask(post("/v1/events/north", "north-token", fixture("v2.8-push-blob.json")));
  const json::value failing = ask("/v1/status").at("verdict");
  EXPECT_EQ(failing.at("state"), "failing");
  const std::string why(failing.at("to_do").at(0).as_string());
  EXPECT_NE(why.find("the disk is full"), std::string::npos) << why;
  EXPECT_NE(why.find("space_min"), std::string::npos) << why;
}

TEST_F(admin_test, wrong_bytes_in_a_repository_that_is_left_out_are_counted) {
  left_out_ = [](std::string_view) { return std::optional<std::string>("exclude: *"); };
  open();
  append({push_of("a", 1)});
  journal(engine::record::content_doubted("a", longshore::digest::of("bytes")));
  EXPECT_EQ(ask("/v1/status").at("repositories").at("skipped_with_wrong_bytes"), 1);
  EXPECT_EQ(ask("/v1/status").at("verdict").at("state"), "attention");
}

TEST_F(admin_test, a_repository_that_failed_and_is_being_tried_again_is_not_well) {
  open();
  append({push_of("a", 1)});
  journal(engine::record::sync_failed("a", "registry unavailable", {1'800'000'000'000'000}, 3));
  journal(engine::record::sync_started("a"));
  EXPECT_EQ(ask("/v1/status").at("repositories").at("started"), 1);
  const json::value said = ask("/v1/status").at("verdict");
  EXPECT_EQ(said.at("state"), "attention");
  EXPECT_NE(said.at("to_do").at(0).as_string().find("1 repository is not brought whole"), std::string::npos);
}

TEST_F(admin_test, a_repository_with_wrong_bytes_is_not_well_while_a_pass_runs_over_it) {
  open();
  append({push_of("a", 1)});
  journal(engine::record::content_doubted("a", digest::of("x")));
  journal(engine::record::sync_started("a"));
  EXPECT_EQ(ask("/v1/status").at("repositories").at("started"), 1);
  EXPECT_EQ(ask("/v1/status").at("verdict").at("state"), "attention");
}

TEST_F(admin_test, what_a_verification_left_amiss_is_not_well_while_a_pass_runs_and_is_counted) {
  open();
  append({push_of("a", 1)});
  journal(engine::record::repository_amiss("a", 2, "v9: the log does not speak of it"));
  journal(engine::record::sync_started("a"));
  EXPECT_EQ(ask("/v1/status").at("verdict").at("state"), "attention");
  const json::value r = ask("/v1/repositories/a");
  EXPECT_EQ(r.at("state"), "started");
  EXPECT_EQ(r.at("mismatches"), 2);
  EXPECT_EQ(r.at("last_sync_failure"), "verification left 2 amiss: v9: the log does not speak of it");
}

TEST_F(admin_test, all_with_which_something_is_the_matter_are_listed_in_whatever_state) {
  open();
  for (const char* name : {"a", "b", "c", "d", "e"}) append({push_of(name, 1)});
  journal(engine::record::content_doubted("a", digest::of("x")));
  journal(engine::record::repository_amiss("a", 1, "v1: wrong bytes"));
  journal(engine::record::sync_failed("b", "registry unavailable", {1'800'000'000'000'000}, 3));
  journal(engine::record::sync_failed("c", "registry unavailable", {1'800'000'000'000'000}, 3));
  journal(engine::record::sync_started("c"));
  journal(engine::record::repository_amiss("d", 1, "v9: extra"));
  const json::value page = ask("/v1/repositories?state=troubled");
  std::string names;
  for (const json::value& r : page.at("repositories").as_array()) names += std::string(r.at("name").as_string());
  EXPECT_EQ(names, "abcd");
  const json::value status = ask("/v1/status");
  EXPECT_EQ(status.at("repositories").at("troubled"), 4);
  const json::array& to_do = status.at("verdict").at("to_do").as_array();
  ASSERT_EQ(to_do.size(), 3u);
  EXPECT_TRUE(to_do[0].as_string().starts_with("wrong bytes at the target in a:"));
  EXPECT_TRUE(to_do[1].as_string().starts_with("the target differs in d,")) << "what is worst is said once";
  EXPECT_TRUE(to_do[2].as_string().starts_with(
      "2 repositories are not brought whole: for example b (registry unavailable); tried again by itself"));
  EXPECT_NE(page.at("repositories").at(0).at("last_sync_failure").as_string().find("delete it from the registry's"),
            std::string::npos);
}

TEST_F(admin_test, the_status_tells_what_came_for_no_source) {
  open();
  EXPECT_TRUE(ask("/v1/status").at("warnings").as_array().empty());
  connect().ask(post("/v1/events/nroth", "north-token", "{}"));
  connect().ask(post("/v1/event/north", "north-token", "{}"));
  const json::value s = ask("/v1/status");
  EXPECT_EQ(s.at("notifications").at("unauthorized"), 1);
  EXPECT_EQ(s.at("notifications").at("misdirected"), 2);
  EXPECT_EQ(s.at("notifications").at("misdirected_last"), "/v1/event/north");
  const std::string warning(s.at("warnings").at(0).as_string());
  EXPECT_NE(warning.find("/v1/event/north"), std::string::npos) << warning;
  now_.advance_us(3'600'000'000);
  EXPECT_TRUE(ask("/v1/status").at("warnings").as_array().empty()) << "nothing repeats it";
}

TEST_F(admin_test, repositories_are_listed_in_pages_and_by_state) {
  open();
  for (const char* name : {"a", "b", "c/d", "e"}) append({push_of(name, 1)});
  journal(engine::record::sync_failed("b", "registry unavailable", {1'800'000'000'000'000}, 3));
  json::value page = ask("/v1/repositories?limit=3");
  EXPECT_EQ(page.at("repositories").as_array().size(), 3u);
  EXPECT_EQ(page.at("next"), "c/d");
  page = ask("/v1/repositories?limit=3&last=c%2Fd");
  EXPECT_EQ(page.at("repositories").at(0).at("name"), "e");
  EXPECT_TRUE(page.at("next").is_null());
  page = ask("/v1/repositories?state=failed");
  ASSERT_EQ(page.at("repositories").as_array().size(), 1u);
  const json::value& b = page.at("repositories").at(0);
  EXPECT_EQ(b.at("state"), "failed");
  EXPECT_EQ(b.at("retry_count"), 3);
  EXPECT_EQ(b.at("last_sync_failure"), "registry unavailable");
  EXPECT_EQ(b.at("retry_at"), "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(status_of("/v1/repositories?state=odd"), 400);
  EXPECT_EQ(status_of("/v1/repositories?limit=0"), 400);
}

TEST_F(admin_test, a_repository_shows_its_parked_and_failed_items) {
  open();
  append({push_of("team/app", 1), push_of("team/app", 2)});
  engine::desired_item item;
  ASSERT_TRUE(wanted_->items("team/app", [&](const engine::desired_item& i) {
    item = i;
    return false;
  }));
  journal(engine::record::item_parked(item, error{errc::unsupported, "deletes are off"}));
  const json::value r = ask("/v1/repositories/team/app");
  EXPECT_EQ(r.at("name"), "team/app");
  ASSERT_EQ(r.at("parked").as_array().size(), 1u);
  EXPECT_EQ(r.at("parked").at(0).at("tag").as_string(), item.ref.c_str());
  EXPECT_EQ(r.at("parked").at(0).at("code"), "unsupported");
  EXPECT_EQ(r.at("parked_items"), 1);
  EXPECT_EQ(status_of("/v1/repositories/no/such"), 404);
}

TEST_F(admin_test, a_sync_is_passed_on_for_known_repositories) {
  std::string asked;
  resync_ = [&](std::string name) -> engine::task<> {
    asked = std::move(name);
    co_return result<void>();
  };
  open();
  append({push_of("team/app", 1)});
  EXPECT_EQ(status_of("/v1/repositories/team/app/sync", "POST"), 202);
  EXPECT_EQ(asked, "team/app");
  EXPECT_EQ(status_of("/v1/repositories/other/sync", "POST"), 404);
  EXPECT_EQ(status_of("/v1/repositories/UPPER/sync", "POST"), 400);
}

TEST_F(admin_test, a_site_without_a_target_says_that_it_cannot_sync) {
  open();
  append({push_of("a", 1)});
  EXPECT_EQ(status_of("/v1/repositories/a/sync", "POST"), 409);
}

TEST_F(admin_test, the_quarantine_is_shown_with_reasons_in_pages) {
  open();
  for (int i = 0; i < 3; ++i) connect().ask(post("/v1/events/north", "north-token", "{" + std::to_string(i) + "\xff"));
  json::value page = ask("/v1/quarantine?limit=2");
  EXPECT_EQ(page.at("count"), 3);
  EXPECT_EQ(page.at("quarantined").at(0).at("body"), "{0?");
  EXPECT_FALSE(page.at("quarantined").at(0).at("reason").as_string().empty());
  page = ask("/v1/quarantine?limit=2&from=" + std::to_string(page.at("next").to_number<int>()));
  EXPECT_EQ(page.at("quarantined").at(0).at("body"), "{2?");
}

TEST_F(admin_test, a_site_that_replicates_nothing_shows_what_its_log_speaks_of_and_no_states) {
  replicating_.reset();
  open();
  append({push_of("a", 1), push_of("b/c", 2)});
  EXPECT_EQ(ask("/v1/status").at("repositories"), (json::value{{"total", 2}}));
  const json::value listed = ask("/v1/repositories").at("repositories");
  ASSERT_EQ(listed.as_array().size(), 2u);
  EXPECT_EQ(listed.at(1).at("name"), "b/c");
  EXPECT_EQ(listed.at(1).at("newest_seq"), 1);
  EXPECT_FALSE(listed.at(1).as_object().contains("state"));
  const json::value one = ask("/v1/repositories/a");
  EXPECT_FALSE(one.as_object().contains("state"));
  EXPECT_TRUE(one.as_object().contains("checksum"));
  const raw_answer by_state = connect().ask(get("/v1/repositories?state=failed", "admin-token"));
  EXPECT_EQ(by_state.status, 409);
  EXPECT_NE(by_state.body.find("ask a secondary"), std::string::npos);
  const std::string metrics = connect().ask(get("/metrics", "")).body;
  EXPECT_NE(metrics.find("longshore_log_repositories 2"), std::string::npos);
  EXPECT_EQ(metrics.find("longshore_repositories{"), std::string::npos);
}

TEST_F(admin_test, how_far_behind_its_primary_a_site_is_nobody_knows_while_that_is_away) {
  following_.emplace();
  following_->primary_size = 9;
  following_->state = engine::follower_state::following;
  open();
  for (const bool known : {true, false}) {
    if (!known) on_server([&] { return following_->state = engine::follower_state::away; });
    const json::value s = ask("/v1/status");
    EXPECT_EQ(s.at("follower").at("lag_events"), known ? json::value(9) : json::value(nullptr));
    EXPECT_EQ(s.at("lag").at("events"), known ? json::value(9) : json::value(nullptr));
    const std::string metrics = connect().ask(get("/metrics", "")).body;
    EXPECT_EQ(metrics.find("longshore_follower_lag_events 9") != std::string::npos, known) << metrics;
  }
}

TEST_F(admin_test, a_site_that_has_not_reached_its_primary_since_its_start_is_behind_since_then) {
  following_.emplace();
  following_->state = engine::follower_state::away;
  following_->started = {now_.now().us - 90'000'000};
  open();
  EXPECT_EQ(ask("/v1/status").at("lag").at("seconds"), json::value(90.0));
  const std::string metrics = connect().ask(get("/metrics", "")).body;
  EXPECT_NE(metrics.find("longshore_replication_lag_seconds 90"), std::string::npos) << metrics;
}

TEST_F(admin_test, every_answer_needs_an_administrators_token) {
  open();
  for (const char* path : {"/v1/status", "/v1/sites", "/v1/repositories", "/v1/repositories/a", "/v1/quarantine"}) {
    EXPECT_EQ(connect().ask(get(path, "")).status, 401) << path;
    EXPECT_EQ(connect().ask(get(path, "south-token")).status, 401) << path;
  }
  EXPECT_EQ(connect().ask(post("/v1/repositories/a/sync", "south-token", "")).status, 401);
}

TEST_F(admin_test, metrics_count_what_happened) {
  open();
  EXPECT_EQ(connect().ask(post("/v1/events/north", "north-token", fixture("v2.8-push-blob.json"))).status, 200);
  connect().ask(post("/v1/events/north", "wrong", "{}"));
  append({push_of("a", 1)});
  const raw_answer a = connect().ask(get("/metrics", ""));
  EXPECT_EQ(a.status, 200);
  for (const char* line :
       {"longshore_log_size 2", "longshore_ingest_events_appended_total{source=\"north\"} 1",
        "longshore_ingest_unauthorized_total{source=\"north\"} 1", "longshore_ingest_ack_seconds_count 1",
        "longshore_ingest_ack_seconds_bucket{le=\"+Inf\"} 1", "longshore_repositories{state=\"pending\"} 1",
        "longshore_log_failed 0", "longshore_http_connections 1", "# TYPE longshore_ingest_ack_seconds histogram"}) {
    EXPECT_NE(a.body.find(line), std::string::npos) << line << "\n" << a.body;
  }
  EXPECT_EQ(a.body.find("-token"), std::string::npos);
}

TEST_F(admin_test, a_primary_that_reconciles_no_more_is_not_ready_and_says_why) {
  reconciling_shown_.resize(2);
  reconciling_shown_[0].source = "east";
  reconciling_shown_[1].source = "north";
  open();
  EXPECT_EQ(connect().ask(get("/readyz", "")).status, 200);
  on_server([&] { return reconciling_shown_[1].halted = "the journal cannot be written", 0; });
  const raw_answer a = connect().ask(get("/readyz", ""));
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.body.find("north has halted: the journal cannot be written"), std::string::npos) << a.body;
  const std::string numbers = connect().ask(get("/metrics", "")).body;
  EXPECT_NE(numbers.find("longshore_reconcile_halted{source=\"east\"} 0"), std::string::npos);
  EXPECT_NE(numbers.find("longshore_reconcile_halted{source=\"north\"} 1"), std::string::npos);
}

TEST_F(admin_test, a_secondary_that_replicates_no_more_is_not_ready_and_says_why) {
  open();
  EXPECT_EQ(connect().ask(get("/readyz", "")).status, 200);
  EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_sync_halted 0"), std::string::npos);
  on_server([&] { return replicating_->halted = "a row of actual.items cannot be read", 0; });
  const raw_answer a = connect().ask(get("/readyz", ""));
  EXPECT_EQ(a.status, 503);
  EXPECT_NE(a.body.find("a row of actual.items cannot be read"), std::string::npos) << a.body;
  EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_sync_halted 1"), std::string::npos);
}

TEST_F(admin_test, a_secondary_that_verifies_no_more_by_itself_is_not_ready_and_shows_why) {
  open();
  on_server([&] { return verifying_halted_ = "a row of actual.repositories cannot be read", 0; });
  EXPECT_EQ(connect().ask(get("/readyz", "")).status, 503);
  EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_verify_halted 1"), std::string::npos);
  EXPECT_EQ(boost::json::parse(connect().ask(get("/v1/status", "admin-token")).body).at("verification").at("error"),
            "a row of actual.repositories cannot be read");
}

TEST_F(admin_test, a_site_whose_database_can_be_written_no_more_is_not_ready) {
  open();
  disk_->fail_at(longshore::testing::fault_scope::write_ahead_log, 1);
  ASSERT_FALSE(quarantine_->add({.source = "north", .body = "not JSON"}));
  ASSERT_FALSE(sequencer_->failed()) << "no event has met the failure yet";
  EXPECT_EQ(connect().ask(get("/readyz", "")).status, 503);
  EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_database_failed 1"), std::string::npos);
}

TEST_F(admin_test, the_dashboard_is_one_page_that_loads_nothing_from_elsewhere) {
  open();
  const raw_answer a = connect().ask(get("/", ""));
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.headers.at("content-type"), "text/html; charset=utf-8");
  EXPECT_TRUE(a.headers.contains("content-security-policy"));
  EXPECT_EQ(a.body.find("http://"), std::string::npos);
  EXPECT_EQ(a.body.find("https://"), std::string::npos);
  EXPECT_EQ(a.body.find("src="), std::string::npos);
  for (const char* raw : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write"}) {
    EXPECT_EQ(a.body.find(raw), std::string::npos) << "names and reasons are text: " << raw;
  }
}

TEST_F(admin_test, status_and_metrics_tell_how_the_registries_are_used) {
  host_limits_view v;
  v.sections = {"target_registry"};
  v.host = "registry.test:443";
  v.bytes_per_second = 10'000'000;
  v.bytes_by = limit_origin::schedule;
  v.connections_allowed = 4;
  v.requests_waiting = 3;
  v.left_alone_until = timestamp{now_.now().us + 90'000'000};
  v.counters.requests = 70;
  v.counters.bytes_out = 500;
  v.counters.throttled = 7;
  registries_shown_ = {v};
  open();
  const json::value s = ask("/v1/status").at("registries").at("target_registry");
  EXPECT_EQ(s.at("registry"), "registry.test:443");
  EXPECT_EQ(s.at("bytes_per_second_by"), "schedule");
  EXPECT_EQ(s.at("left_alone_until").as_string(), to_rfc3339(*v.left_alone_until).c_str());
  const std::string text = connect().ask(get("/metrics", "")).body;
  for (const char* line : {"longshore_registry_requests_total{registry=\"registry.test:443\"} 70",
                           "longshore_registry_bytes_total{registry=\"registry.test:443\",direction=\"out\"} 500",
                           "longshore_registry_refusals_total{registry=\"registry.test:443\",status=\"429\"} 7",
                           "longshore_registry_connections_allowed{registry=\"registry.test:443\"} 4",
                           "longshore_registry_requests_waiting{registry=\"registry.test:443\"} 3",
                           "longshore_registry_left_alone_seconds{registry=\"registry.test:443\"} 90"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace longshore::api
