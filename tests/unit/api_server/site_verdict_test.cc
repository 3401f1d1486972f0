#include "api/site_verdict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::api {
namespace {

using engine::follower_state;
using engine::sync_state;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr timestamp start{1'800'000'000'000'000};

class site_verdict_test : public ::testing::Test {
 protected:
  site_verdict_test() {
    facts_.started = start;
    heard_.sources.resize(1);
    heard_.sources[0].name = "north";
  }
  void follows(follower_state state, std::string reason = {}) {
    facts_.following.emplace().state = state;
    facts_.following->reason = std::move(reason);
    facts_.replicating.emplace();
  }
  void count(sync_state s, std::uint64_t n) { counts_.by_state[static_cast<std::size_t>(s)] = n; }
  site_verdict judged(std::int64_t seconds_since_start = 10) const {
    const timestamp now{start.us + seconds_since_start * 1'000'000};
    return verdict_of({.facts = facts_,
                       .counts = counts_,
                       .heard = &heard_,
                       .followers = followers_,
                       .turned_away = &turned_away_,
                       .quarantined = quarantined_,
                       .quarantined_at = start,
                       .warnings = warnings_,
                       .now = now});
  }
  std::string all() const {
    std::string text;
    for (const std::string& one : judged().to_do) text += one + "\n";
    return text;
  }

  site_facts facts_;
  repository_counts counts_;
  ingest_stats heard_;
  std::vector<site_report> followers_;
  std::map<std::string, wrong_tokens, std::less<>> turned_away_;
  std::uint64_t quarantined_ = 0;
  std::vector<std::string> warnings_;
};

TEST_F(site_verdict_test, a_site_that_does_all_of_it_is_well) {
  follows(follower_state::following);
  count(sync_state::synced, 12);
  count(sync_state::pending, 3);
  EXPECT_EQ(judged().state, site_state::well);
  EXPECT_THAT(judged().to_do, IsEmpty());
}

TEST_F(site_verdict_test, what_is_parked_or_failed_wants_attention_and_is_said_how_to_look_at) {
  follows(follower_state::following);
  counts_.parked = 9;
  counts_.failing = {1, "team/app"};
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("longshore items --state parked"));
  EXPECT_THAT(all(), HasSubstr("longshore status --state troubled"));
  quarantined_ = 2;
  warnings_ = {"the target may have lost content"};
  EXPECT_THAT(all(), HasSubstr("2 notifications could not be understood"));
  EXPECT_THAT(all(), HasSubstr("the target may have lost content"));
}

TEST_F(site_verdict_test, a_site_that_stands_still_is_failing_and_the_reason_comes_first) {
  follows(follower_state::following);
  counts_.parked = 9;
  facts_.replicating->halted = "the journal cannot be written";
  EXPECT_EQ(judged().state, site_state::failing);
  EXPECT_THAT(judged().to_do.front(), HasSubstr("the journal cannot be written"));
  EXPECT_THAT(judged().to_do, SizeIs(2));
}

TEST_F(site_verdict_test, how_the_primary_is_reached_counts_as_what_it_is) {
  for (const auto& [state, judgement] : {std::pair{follower_state::connecting, site_state::well},
                                         {follower_state::following, site_state::well},
                                         {follower_state::away, site_state::attention},
                                         {follower_state::unauthorized, site_state::failing},
                                         {follower_state::refused, site_state::failing},
                                         {follower_state::halted, site_state::failing}}) {
    follows(state, std::string(name_of(state)) + ": because");
    EXPECT_EQ(judged().state, judgement) << name_of(state);
    EXPECT_THAT(all(), Not(HasSubstr(": " + std::string(name_of(state)) + ": " + std::string(name_of(state)))));
  }
  follows(follower_state::refused, "refused: another log");
  EXPECT_THAT(judged().to_do, ElementsAre("following: refused: another log"));
}

TEST_F(site_verdict_test, a_log_that_cannot_be_written_is_told_of_though_the_primary_is_away) {
  follows(follower_state::away, "away: refused");
  facts_.unable = "the log cannot be written; restart";
  EXPECT_EQ(judged().state, site_state::failing);
  EXPECT_THAT(judged().to_do.front(), HasSubstr("the log cannot be written"));
}

TEST_F(site_verdict_test, a_primary_that_refuses_notifications_is_failing_and_says_why) {
  heard_.sources[0].refused_in_a_row = 2;
  heard_.sources[0].last_refusal = "it is over the limit of 10 bytes";
  heard_.sources[0].refused_at = start;
  EXPECT_EQ(judged().state, site_state::failing);
  EXPECT_THAT(
      judged().to_do,
      ElementsAre("north: 2 notifications refused in a row, the last because it is over the limit of 10 bytes"));
  heard_.sources[0].refused_in_a_row = 0;
  heard_.sources[0].wrong_tokens_in_a_row = 1;
  heard_.sources[0].wrong_token_at = start;
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("1 request with a wrong token"));
}

// A registry repeats within seconds: of a quiet one nothing need come for days after the disk was freed.
TEST_F(site_verdict_test, what_a_source_was_refused_counts_for_an_hour) {
  source_stats& s = heard_.sources[0];
  s.refused_in_a_row = 2;
  s.refused_at = start;
  EXPECT_EQ(judged(3'599).state, site_state::failing);
  EXPECT_EQ(judged(3'600).state, site_state::well);
  s.wrong_tokens_in_a_row = 1;
  s.wrong_token_at = start;
  EXPECT_EQ(judged(3'599).to_do.size(), 2u);
  EXPECT_EQ(judged(3'600).state, site_state::well) << "anybody may have sent it";
}

TEST_F(site_verdict_test, what_a_registry_may_have_given_up_on_wants_a_look_at_every_tag_that_began_after_it) {
  source_stats& s = heard_.sources[0];
  s.refused_in_a_row = 5;
  s.refused_at = start;
  EXPECT_THAT(judged(3'600).to_do.front(), HasSubstr("with a [source.registry]"));
  EXPECT_EQ(judged(86'400).state, site_state::well) << "there is nothing to look at";
  auto& r = facts_.reconciling.emplace_back();
  r.source = "north";
  EXPECT_EQ(judged(86'400).state, site_state::attention);
  EXPECT_THAT(judged(86'400).to_do.front(), HasSubstr("longshore reconcile --digests"));
  r.reconciled.digests_complete_at = {start.us + 60'000'000};
  r.reconciled.digests_complete_from = {start.us - 1};
  EXPECT_EQ(judged(3'600).state, site_state::attention) << "it had passed some repositories by then";
  r.reconciled.digests_complete_from = {start.us + 1};
  EXPECT_EQ(judged(3'600).state, site_state::well);
}

TEST_F(site_verdict_test, a_clock_that_was_set_back_makes_no_old_refusal_last) {
  source_stats& s = heard_.sources[0];
  s.refused_in_a_row = 5;
  s.refused_at = {start.us + 30 * 86'400'000'000};
  quarantined_ = 1;
  EXPECT_EQ(judged(2 * 86'400).state, site_state::well);
}

TEST_F(site_verdict_test, what_could_not_be_understood_is_news_for_a_day) {
  quarantined_ = 1;
  EXPECT_EQ(judged(86'399).state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("1 notification could not be understood, the last at 2027-01-15T08:00:00Z: longshore"));
  EXPECT_EQ(judged(86'400).state, site_state::well);
}

TEST_F(site_verdict_test, events_that_may_be_missing_are_said_to_be_looked_for_and_when) {
  facts_.reconciling.resize(1);
  engine::reconciler_status& r = facts_.reconciling[0];
  r.source = "north";
  r.reconciled.suspected = "another process";
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("nothing looks by itself"));
  r.next_at = start;
  EXPECT_THAT(all(), HasSubstr("it looks by itself at 2027-01-15T08:00:00Z; longshore reconcile --digests"));
  r.running.emplace();
  EXPECT_THAT(all(), HasSubstr("(another process): a look at the registry is running"));
  r.halted = "no journal";
  EXPECT_EQ(judged().state, site_state::failing);
  EXPECT_THAT(judged().to_do.front(), HasSubstr("north is not reconciled"));
}

TEST_F(site_verdict_test, a_follower_that_is_silent_wants_attention) {
  followers_ = {{"rome", 0, start, "{}", {}, {}}};
  EXPECT_EQ(judged(300).state, site_state::well);
  EXPECT_EQ(judged(301).state, site_state::attention);
  EXPECT_THAT(judged(301).to_do.front(), HasSubstr("rome has not been heard of for 5 min"));
  EXPECT_THAT(judged(301).to_do.front(), HasSubstr("longshore forget-site rome"));
}

TEST_F(site_verdict_test, a_follower_not_heard_of_since_the_start_is_silent_since_then) {
  followers_ = {{"rome", 7, {}, "{}", {}, {}}};
  EXPECT_EQ(judged(300).state, site_state::well);
  EXPECT_THAT(judged(301).to_do.front(), HasSubstr("rome has not been heard of since the start, 5 min ago"));
  followers_.assign(40, followers_.front());
  EXPECT_THAT(judged(301).to_do, SizeIs(11)) << "the rest is a number";
  EXPECT_THAT(judged(301).to_do.back(), HasSubstr("30 more sites"));
}

// Until the clock has come round to the last report again, which may be never, nobody knows how old that is.
TEST_F(site_verdict_test, a_clock_that_was_set_back_hides_no_follower_that_is_silent) {
  followers_ = {{"rome", 0, {start.us + 3'600'000'000}, "{}", {}, {}}};
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(judged().to_do, ElementsAre(HasSubstr("rome has not been heard of since the clock was set back: is it")));
  followers_ = {{"rome", 0, {}, "{}", {}, {}}};
  EXPECT_EQ(judged(-10).state, site_state::attention) << "not since a start that lies ahead";
  followers_.clear();
  facts_.followers = {"rome"};
  EXPECT_THAT(judged(-10).to_do, ElementsAre(HasSubstr("rome is a configured follower and has never reported")));
}

TEST_F(site_verdict_test, a_follower_with_another_history_wants_attention_and_is_said_what_to_compare) {
  followers_ = {{"rome", 9, start, "{}", {}, "it has taken 9 records, and this log has 5"}};
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(judged().to_do, SizeIs(1));
  followers_.front().compare_at = 5;
  EXPECT_THAT(all(), HasSubstr("rome cannot follow: it has taken 9 records, and this log has 5. To compare, stop both "
                               "sites and run longshore log verify DATA_DIR --size 5 at both. "));
  EXPECT_THAT(all(), HasSubstr("The same root over these first records: the shorter log is an older copy"));
  EXPECT_THAT(all(), HasSubstr("put the data_dir of rome aside (not this site's)"));
  followers_.front().compare_at = 0;
  EXPECT_THAT(all(), HasSubstr("One of the two logs is empty, there is nothing to compare"));
  followers_.assign(40, followers_.front());
  EXPECT_THAT(judged().to_do, SizeIs(11)) << "the rest is a number";
  EXPECT_THAT(judged().to_do.back(), HasSubstr("30 more sites cannot follow"));
}

TEST_F(site_verdict_test, followers_with_wrong_tokens_are_named_and_the_rest_is_a_number) {
  for (int i = 0; i < 40; ++i) turned_away_["site" + std::to_string(i)] = {1, start};
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(judged().to_do, SizeIs(11));
  EXPECT_THAT(judged().to_do.front(), HasSubstr("site0: 1 report with a wrong token"));
  EXPECT_THAT(judged().to_do.back(), HasSubstr("30 more followers"));
  EXPECT_EQ(judged(3'600).state, site_state::well);
}

TEST_F(site_verdict_test, a_configured_follower_that_never_reported_wants_attention) {
  facts_.followers = {"rome", "oslo"};
  followers_ = {{"oslo", 0, {start.us + 300'000'000}, "{}", {}, {}}};
  EXPECT_EQ(judged(300).state, site_state::well) << "it may come yet";
  EXPECT_THAT(
      judged(301).to_do,
      ElementsAre("rome is a configured follower and has never reported: is it running, and its token right? If "
                  "it is no more, take it out of [[follower]]"));
  followers_.push_back({"rome", 0, {start.us + 301'000'000}, "{}", {}, {}});
  EXPECT_EQ(judged(301).state, site_state::well);
  followers_.clear();
  facts_.followers.assign(40, "rome");
  EXPECT_THAT(judged(301).to_do, SizeIs(11)) << "the rest is a number";
  EXPECT_THAT(judged(301).to_do.back(), HasSubstr("30 more sites"));
}

TEST_F(site_verdict_test, what_no_verification_could_compare_lately_wants_attention) {
  follows(follower_state::following);
  facts_.verifying.not_compared = 2;
  facts_.verifying.first_not_compared = "team/app (status 500)";
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("2 repositories could not be compared when last verified: the first is team/app (sta"));
  EXPECT_THAT(all(), HasSubstr("not tried again by itself (verify_every = 0): longshore verify does it"));
  facts_.verifying.every_ms = 86'400'000;
  EXPECT_THAT(all(), HasSubstr("; tried again by itself once it was brought, or now by longshore verify"));
  facts_.verifying_halted = "no journal";
  EXPECT_THAT(all(), Not(HasSubstr("tried again by itself")));
  facts_.verifying = {};
  facts_.verifying.broken_off = "the disk is full";
  EXPECT_THAT(all(), HasSubstr("the last verification ended before its end: the disk is full"));
}

TEST_F(site_verdict_test, what_is_the_matter_with_repositories_is_told_by_its_kind_worst_first) {
  follows(follower_state::following);
  count(sync_state::synced, 12);
  counts_.failing = {1, "team/web"};
  counts_.failure = "v1: registry unavailable: target: status 503";
  counts_.differing = {1, "team/app"};
  counts_.doubted = {2, "team/base"};
  const auto said = judged();
  EXPECT_EQ(said.state, site_state::attention);
  ASSERT_THAT(said.to_do, SizeIs(3));
  EXPECT_THAT(said.to_do[0], HasSubstr("wrong bytes at the target in 2 repositories, for example team/base: "));
  EXPECT_THAT(said.to_do[0], HasSubstr("delete them from the registry's storage, then longshore verify"));
  EXPECT_THAT(said.to_do[1], HasSubstr("the target differs in team/app, as a verification left it"));
  for (const std::string& one : {said.to_do[0], said.to_do[1]}) EXPECT_THAT(one, Not(HasSubstr("tried again")));
  EXPECT_THAT(said.to_do[2], HasSubstr("1 repository is not brought whole: team/web (v1: registry unavailable: targ"));
  EXPECT_THAT(said.to_do[2], HasSubstr("tried again by itself"));
  facts_.replicating->halted = "no journal";
  EXPECT_THAT(judged().to_do.back(), Not(HasSubstr("tried again"))) << "nothing is, until the restart";
}

TEST_F(site_verdict_test, how_many_repositories_fail_is_no_failing_site_and_a_cause_is_named) {
  follows(follower_state::following);
  count(sync_state::failed, 7);
  count(sync_state::skipped, 1);
  counts_.failing = {7, "team/app"};
  counts_.failure = "v1: source content missing";
  EXPECT_THAT(all(), HasSubstr("7 repositories are not brought whole: for example team/app (v1: source content mis"));
  EXPECT_EQ(judged().state, site_state::attention) << "a bad tag in each may be all of it";
}

TEST_F(site_verdict_test, a_registry_that_serves_nothing_for_a_while_is_told_of) {
  follows(follower_state::following);
  host_limits_view& target = facts_.registries.emplace_back();
  target.sections = {"target_registry"};
  target.host = "registry:5000";
  target.vain = {5, start, start, "status 401"};
  EXPECT_EQ(judged(59).state, site_state::well) << "it may be a moment's";
  EXPECT_EQ(judged(60).state, site_state::attention) << "it may be one item's fault, and nothing else asked for";
  EXPECT_THAT(judged(60).to_do.front(),
              HasSubstr("target_registry registry:5000: none of the last 5 requests was served"));
  EXPECT_THAT(judged(60).to_do.front(), HasSubstr("(the last: status 401)"));
  EXPECT_EQ(judged(7'200).state, site_state::well) << "nothing was asked since";
  target.vain.in_a_row = 4;
  EXPECT_EQ(judged(60).state, site_state::well);
}

TEST_F(site_verdict_test, wrong_bytes_in_what_is_left_out_want_attention) {
  follows(follower_state::following);
  counts_.skipped_doubted = 1;
  EXPECT_EQ(judged().state, site_state::attention);
  EXPECT_THAT(all(), HasSubstr("1 repository that is left out has wrong bytes"));
}

}  // namespace
}  // namespace longshore::api
