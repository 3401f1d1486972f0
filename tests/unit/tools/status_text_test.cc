#include "tools/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/json_text.h"

namespace longshore::tools {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

json::value secondary() {
  return json::parse(R"({"site":"oslo","role":"secondary","quarantined":0,"warnings":[],
    "follower":{"state":"following","error":null},
    "lag":{"events":0,"seconds":0,"oldest_open_item":null},
    "repositories":{"pending":0,"started":0,"synced":12,"failed":0,"skipped":1,"total":13,
                    "failed_items":0,"parked_items":0,"skipped_items":4,"sparse_items":0},
    "replication":{"error":null,"running":[]},"verification":{"error":null},"sites":[],
    "log":{"size":371},"verdict":{"state":"well","to_do":[]}})");
}

std::size_t lines_of(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST(status_text, a_site_that_is_well_says_so_in_five_lines) {
  const json::value verify = json::parse(R"({"run":3,"running":false,"finished":"2026-11-28T10:00:00.123456Z",
    "mismatches_found":0,"repositories":{"total":12,"clean":12}})");
  const std::string text = verdict_text(secondary(), verify);
  EXPECT_EQ(lines_of(text), 5u) << text;
  EXPECT_THAT(text, StartsWith("oslo, secondary: well\n"));
  EXPECT_THAT(text, HasSubstr("0 events not settled"));
  EXPECT_THAT(text,
              HasSubstr("13 repositories: 12 synced, 0 to come, 0 failed, 1 skipped; items: 0 failed, 0 parked, 4"));
  EXPECT_THAT(text, HasSubstr("2026-11-28T10:00:00Z: 12 of 12 repositories equal, 0 mismatches"));
  EXPECT_THAT(text, HasSubstr("to do         nothing"));
}

TEST(status_text, what_is_verified_by_itself_is_said_as_it_is_configured) {
  EXPECT_THAT(verdict_text(secondary(), json::parse(R"({"run":0,"every_seconds":86400})")),
              HasSubstr("by itself once"));
  EXPECT_THAT(verdict_text(secondary(), json::parse(R"({"run":0,"every_seconds":null})")),
              HasSubstr("none is by itself (verify_every = 0)"));
}

TEST(status_text, what_was_verified_before_the_start_is_told) {
  json::value status = secondary();
  status.at("repositories").as_object()["verified"] = 12;
  status.at("repositories").as_object()["oldest_verified_at"] = "2026-11-27T10:00:00.5Z";
  EXPECT_THAT(verdict_text(status, json::parse(R"({"run":0,"every_seconds":86400})")),
              HasSubstr("12 repositories found equal at some time, longest ago at 2026-11-27T10:00:00Z; nobody asked"));
}

TEST(status_text, the_verdict_is_what_the_site_says) {
  json::value status = secondary();
  status.as_object()["verdict"] = json::parse(R"({"state":"failing","to_do":["free some space","look at b"]})");
  const std::string text = verdict_text(status, nullptr);
  EXPECT_THAT(text, StartsWith("oslo, secondary: failing\n"));
  EXPECT_THAT(text, HasSubstr("\nto do         free some space\n              look at b\n"));
  EXPECT_EQ(state_in(status), "failing");
  status.as_object().erase("verdict");
  EXPECT_EQ(state_in(status), "unknown") << "of an older site";
}

TEST(status_text, a_primary_tells_of_its_sources_and_followers) {
  const json::value status = json::parse(R"({"site":"berlin","role":"primary","repositories":{"total":7},
    "sources":[{"name":"registry","seconds_since_event":12.5,"reconciled":true,
      "last_complete_reconcile":{"ended":"2026-11-28T09:00:00.5Z","findings":1}}],
    "sites":[{"name":"oslo","lag_events":1,"seconds_since_report":3.2}]})");
  const std::string text = verdict_text(status, nullptr);
  EXPECT_THAT(text, HasSubstr("source        registry: newest event 12 s ago"));
  EXPECT_THAT(text, HasSubstr("last complete reconcile 2026-11-28T09:00:00Z (1 found)"));
  EXPECT_THAT(text, HasSubstr("follower      oslo: 1 event behind, heard of 3 s ago"));
}

TEST(status_text, a_follower_not_heard_of_since_the_start_was_not_heard_of_just_now) {
  json::value status = secondary();
  status.as_object()["sites"] =
      json::parse(R"([{"name":"rome","lag_events":120000,"reported":null,"seconds_since_report":null}])");
  EXPECT_THAT(verdict_text(status, nullptr), Not(HasSubstr("heard of 0 s ago")));
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr("rome: 120,000 events behind, not heard of since the start"));
}

TEST(status_text, no_distance_is_told_of_a_follower_with_another_history) {
  json::value status = secondary();
  status.as_object()["sites"] =
      json::parse(R"([{"name":"rome","lag_events":null,"refused":"another history","seconds_since_report":3.2}])");
  EXPECT_THAT(verdict_text(status, nullptr),
              HasSubstr("rome: cannot follow, its history is not this log's, heard of 3 s ago"));
}

TEST(status_text, one_bad_tag_is_not_told_as_all_the_log_since) {
  json::value status = secondary();
  status.as_object()["lag"] = json::parse(R"({"events":341,"seconds":900.5,"open_items":1,"more_open_items":false,
    "oldest_open_item":{"repository":"team/app","ref":"bad","seq":30}})");
  EXPECT_THAT(verdict_text(status, nullptr),
              HasSubstr("1 item open, the oldest team/app:bad at seq 30 of 371, 15 min ago; 341 events not settled"));
  status.at("lag").as_object()["open_items"] = 1'000;
  status.at("lag").as_object()["more_open_items"] = true;
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr("at least 1,000 items open"));
}

TEST(status_text, what_was_found_and_is_gone_is_called_mended) {
  json::value status = secondary();
  const json::value verify = json::parse(R"({"run":1,"running":false,"repair":true,"every_seconds":86400,
    "finished":"2026-11-28T10:00:00.1Z","mismatches_found":6,"not_in_log":0,"repositories":{"total":4,"clean":0},
    "scheduled":{"repositories":{"total":9,"done":9,"clean":8},"mismatches_found":1}})");
  EXPECT_THAT(verdict_text(status, verify), HasSubstr("0 of 4 repositories equal, 6 mismatches, mended since"));
  EXPECT_THAT(verdict_text(status, verify), HasSubstr("8 of 9 looks found all equal, 1 mismatch, mended since"));
  for (const char* open : {"pending", "failed", "parked_items", "skipped_with_wrong_bytes"}) {
    status = secondary();
    status.at("repositories").as_object()[open] = 1;
    EXPECT_THAT(verdict_text(status, verify), Not(HasSubstr("mended"))) << open;
  }
}

TEST(status_text, a_repository_with_parked_items_says_so_and_a_long_reason_has_a_line_of_its_own) {
  const json::value all = json::parse(R"([
    {"name":"team/app","state":"synced","synced_seq":12,"newest_seq":12,"parked_items":9,"failed_items":0,
     "skipped_items":0,"last_synced_at":"2026-11-28T09:00:00.5Z","retry_at":null,"retry_count":0,
     "last_sync_failure":null,"skipped_by":null},
    {"name":"team/web","state":"failed","synced_seq":null,"newest_seq":14,"parked_items":0,"failed_items":2,
     "wrong_bytes":1,"skipped_items":0,"last_synced_at":null,"retry_at":"2026-11-28T09:05:00.5Z","retry_count":3,
     "last_sync_failure":"a reason that goes on and on","skipped_by":null}])");
  const std::string text = repositories_text(all.as_array());
  EXPECT_THAT(text, HasSubstr("synced (9 parked)"));
  EXPECT_THAT(text, HasSubstr("failed (2 failed, 1 with wrong bytes)"));
  EXPECT_THAT(text, HasSubstr("\n    a reason that goes on and on (3 times in a row)\n"));
  EXPECT_EQ(repositories_text({}), "none\n");
}

TEST(json_text, a_rate_of_nothing_that_somebody_set_is_no_limit) {
  const json::value limits =
      json::parse(R"({"bytes_per_second":0,"bytes_per_second_by":"configuration","bytes_open":0})");
  EXPECT_THAT(to_text(limits), HasSubstr("no limit"));
  EXPECT_THAT(to_text(limits), HasSubstr("bytes_open           0"));
  EXPECT_THAT(to_text(json::parse(R"({"bytes_per_second":0})")), Not(HasSubstr("no limit")));
}

}  // namespace
}  // namespace longshore::tools
