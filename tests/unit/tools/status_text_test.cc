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
    "replication":{"error":null,"running":[]},"verification":{"error":null},"sites":[]})");
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

TEST(status_text, what_is_parked_or_failed_deserves_attention_and_says_how_to_look) {
  json::value status = secondary();
  status.at("repositories").as_object()["parked_items"] = 9;
  status.at("repositories").as_object()["failed"] = 1;
  const std::string text = verdict_text(status, nullptr);
  EXPECT_THAT(text, StartsWith("oslo, secondary: attention\n"));
  EXPECT_THAT(text, HasSubstr("longshore items --state parked"));
  EXPECT_THAT(text, HasSubstr("longshore status --state failed"));
}

TEST(status_text, a_site_that_stands_still_is_failing_and_the_reason_comes_first) {
  json::value status = secondary();
  status.at("repositories").as_object()["parked_items"] = 9;
  status.at("replication").as_object()["error"] = "the journal cannot be written";
  const std::string text = verdict_text(status, nullptr);
  EXPECT_THAT(text, StartsWith("oslo, secondary: failing\n"));
  EXPECT_LT(text.find("the journal cannot be written"), text.find("--state parked"));
  status = secondary();
  status.at("follower").as_object()["state"] = "refused";
  status.at("follower").as_object()["error"] = "refused: another log";
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr(": failing\n"));
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr("following: refused: another log\n"));
  status.at("follower").as_object()["state"] = "away";
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr(": attention\n"));
}

TEST(status_text, a_primary_tells_of_its_sources_and_followers) {
  const json::value status = json::parse(R"({"site":"berlin","role":"primary","quarantined":2,
    "repositories":{"total":7},"warnings":[],
    "sources":[{"name":"registry","seconds_since_event":12.5,"reconciled":true,"suspected_loss":true,
      "suspected_because":"another process","reconcile_error":null,"wrong_tokens_in_a_row":0,
      "last_complete_reconcile":{"ended":"2026-11-28T09:00:00.5Z","findings":1}}],
    "sites":[{"name":"oslo","lag_events":1,"seconds_since_report":3.2}]})");
  const std::string text = verdict_text(status, nullptr);
  EXPECT_THAT(text, StartsWith("berlin, primary: attention\n"));
  EXPECT_THAT(text, HasSubstr("source        registry: newest event 12 s ago"));
  EXPECT_THAT(text, HasSubstr("last complete reconcile 2026-11-28T09:00:00Z (1 found)"));
  EXPECT_THAT(text, HasSubstr("follower      oslo: 1 event behind"));
  EXPECT_THAT(text, HasSubstr("reconcile --digests"));
  EXPECT_THAT(text, HasSubstr("2 notifications could not be understood"));
}

TEST(status_text, a_repository_with_parked_items_says_so_and_a_long_reason_has_a_line_of_its_own) {
  const json::value all = json::parse(R"([
    {"name":"team/app","state":"synced","synced_seq":12,"newest_seq":12,"parked_items":9,"failed_items":0,
     "skipped_items":0,"last_synced_at":"2026-11-28T09:00:00.5Z","retry_at":null,"retry_count":0,
     "last_sync_failure":null,"skipped_by":null},
    {"name":"team/web","state":"failed","synced_seq":null,"newest_seq":14,"parked_items":0,"failed_items":2,
     "skipped_items":0,"last_synced_at":null,"retry_at":"2026-11-28T09:05:00.5Z","retry_count":3,
     "last_sync_failure":"a reason that goes on and on","skipped_by":null}])");
  const std::string text = repositories_text(all.as_array());
  EXPECT_THAT(text, HasSubstr("synced (9 parked)"));
  EXPECT_THAT(text, HasSubstr("failed (2 failed)"));
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

TEST(status_text, a_primary_that_refuses_notifications_is_failing) {
  json::value status = json::parse(R"({"site":"main","role":"primary","quarantined":0,"warnings":[],"sites":[],
    "sources":[{"name":"registry","seconds_since_event":0,"refused_in_a_row":2}]})");
  EXPECT_THAT(verdict_text(status, nullptr), StartsWith("main, primary: failing\n"));
  status.at("sources").at(0).as_object()["refused_in_a_row"] = 0;
  EXPECT_THAT(verdict_text(status, nullptr), StartsWith("main, primary: well\n"));
  EXPECT_THAT(verdict_text(status, nullptr, "the disk is full"), HasSubstr("it is not ready: the disk is full"));
}

TEST(status_text, what_could_not_be_compared_is_not_well_and_what_was_mended_is) {
  json::value verify = json::parse(R"({"run":1,"running":false,"repair":true,"finished":"2026-11-28T10:00:00.1Z",
    "mismatches_found":0,"not_in_log":0,"repositories":{"total":2,"clean":0,"unknown":2}})");
  EXPECT_THAT(verdict_text(secondary(), verify), StartsWith("oslo, secondary: attention\n"));
  EXPECT_THAT(verdict_text(secondary(), verify), HasSubstr("2 repositories could not be compared"));
  verify.at("repositories").as_object()["unknown"] = 0;
  verify.as_object()["mismatches_found"] = 1;
  EXPECT_THAT(verdict_text(secondary(), verify), StartsWith("oslo, secondary: well\n"));
  verify.as_object()["repair"] = false;
  EXPECT_THAT(verdict_text(secondary(), verify), HasSubstr("longshore verify --status: what differed"));
}

TEST(status_text, a_follower_that_is_silent_deserves_attention) {
  json::value status = secondary();
  status.as_object()["sites"] = json::parse(R"([{"name":"rome","lag_events":0,"seconds_since_report":301}])");
  EXPECT_THAT(verdict_text(status, nullptr), HasSubstr("rome has not been heard of for 5 min"));
}

}  // namespace
}  // namespace longshore::tools
