#include "engine/decisions.h"

#include <gtest/gtest.h>

#include "engine/failure.h"
#include "engine/glob.h"

namespace longshore::engine {
namespace {

const digest old_one = digest::of("old");
const digest new_one = digest::of("new");
constexpr timestamp now{1'000'000'000'000};
constexpr std::int64_t minute = 60'000'000;

desired_item wanted(std::uint64_t seq = 5) {
  return {"r", "v1", true, false, new_one.text(), {}, {seq}, {now.us - minute}};
}
actual_item done(item_state s, std::uint64_t done_size, std::uint64_t tried_size) {
  actual_item i;
  i.state = s;
  i.done_size = done_size;
  i.tried_size = tried_size;
  return i;
}

TEST(decisions_test, an_item_is_open_until_its_newest_event_is_settled_or_parked) {
  EXPECT_TRUE(is_open(wanted(), std::nullopt));
  EXPECT_FALSE(is_open(wanted(), done(item_state::done, 6, 0)));
  EXPECT_TRUE(is_open(wanted(), done(item_state::done, 5, 0)));
  EXPECT_TRUE(is_open(wanted(), done(item_state::failed, 5, 6)));
  EXPECT_FALSE(is_open(wanted(), done(item_state::parked, 0, 6)));
  EXPECT_TRUE(is_open(wanted(), done(item_state::parked, 0, 5)));
}

TEST(decisions_test, what_is_gone_and_was_never_brought_is_nowhere) {
  desired_item item = wanted();
  actual_item left_out = done(item_state::skipped, 0, 6);
  EXPECT_FALSE(is_nowhere(item, left_out));
  item.gone = true;
  EXPECT_TRUE(is_nowhere(item, left_out));
  left_out.digest = old_one.text();
  EXPECT_FALSE(is_nowhere(item, left_out)) << "it stands at the target";
}

TEST(decisions_test, only_a_young_push_may_be_ahead_of_its_tag_however_often_it_was_tried) {
  EXPECT_TRUE(may_be_early(wanted(), std::nullopt, now, 10 * minute));
  EXPECT_FALSE(may_be_early(wanted(), std::nullopt, now, minute / 2));
  EXPECT_TRUE(may_be_early(wanted(), done(item_state::failed, 0, 6), now, 10 * minute));
  EXPECT_FALSE(may_be_early(wanted(), done(item_state::failed, 0, 6), now, minute / 2));
  auto item = wanted();
  item.occurred = {};
  EXPECT_TRUE(may_be_early(item, std::nullopt, now, minute)) << "its age is not known";
  EXPECT_FALSE(may_be_early(item, done(item_state::failed, 0, 6), now, 10 * minute)) << "one more try has to do";
  item.gone = true;
  EXPECT_FALSE(may_be_early(item, std::nullopt, now, minute));
}

TEST(decisions_test, a_tag_is_published_as_the_source_shows_it) {
  EXPECT_EQ(decide_tag(wanted(), new_one, true, 3), tag_step::publish);
  EXPECT_EQ(decide_tag(wanted(), old_one, false, 0), tag_step::publish) << "the event is a hint";
  EXPECT_EQ(decide_tag(wanted(), std::nullopt, false, 0), tag_step::remove);
}

TEST(decisions_test, a_tag_its_event_was_ahead_of_is_looked_at_again_and_then_left_for_later) {
  for (const auto& shown : {std::optional<digest>(), std::optional(old_one)}) {
    EXPECT_EQ(decide_tag(wanted(), shown, true, 1), tag_step::look_again);
    EXPECT_EQ(decide_tag(wanted(), shown, true, 0), tag_step::fail);
  }
}

TEST(decisions_test, a_digest_is_deleted_only_when_nothing_that_stays_needs_it) {
  const auto step = [](removal_facts f) { return decide_removal(old_one, f).step; };
  EXPECT_EQ(step({false, {}}), removal_step::erase);
  EXPECT_EQ(step({true, {}}), removal_step::park) << "the source serves it";
  EXPECT_EQ(step({false, {{"v2", true, old_one}}}), removal_step::fail);
  EXPECT_EQ(step({false, {{"v2", true, new_one}}}), removal_step::fail) << "the target's tag lags behind";
  EXPECT_EQ(step({false, {{"v2", true, std::nullopt}}}), removal_step::erase) << "gone as well";
  EXPECT_EQ(step({false, {{"v2", true, std::nullopt, false, false, true, true}}}), removal_step::hold) << "held back";
  EXPECT_EQ(step({false, {{"all", true, std::nullopt, false, true, false}}}), removal_step::fail) << "it goes first";
  EXPECT_EQ(step({false, {{"all", true, std::nullopt, false, true, true}}}), removal_step::park) << "it never goes";
  EXPECT_EQ(step({false, {{"v2", true, new_one, false, false, true}}}), removal_step::park) << "it stays as it is";
  EXPECT_EQ(step({false, {{"v2", true, new_one, true}}}), removal_step::park) << "nothing will ever free it";
  EXPECT_EQ(step({false, {{"local", false, std::nullopt}}}), removal_step::park) << "not the source's";
  EXPECT_EQ(step({false, {{"v2", true, std::nullopt}, {"v3", true, old_one}}}), removal_step::fail);
}

TEST(decisions_test, what_cannot_succeed_is_parked_and_what_may_is_tried_again) {
  for (const errc c : {errc::rejected, errc::invalid, errc::unsupported, errc::too_large}) {
    EXPECT_EQ(state_after({c, ""}, false), item_state::parked) << name_of(c);
  }
  for (const errc c : {errc::unavailable, errc::timed_out, errc::throttled, errc::unauthorized, errc::denied,
                       errc::corrupt, errc::no_space, errc::busy, errc::conflict}) {
    EXPECT_EQ(state_after({c, ""}, true), item_state::failed) << name_of(c);
  }
  EXPECT_EQ(state_after({errc::not_found, ""}, false), item_state::failed);
  EXPECT_EQ(state_after({errc::not_found, ""}, true), item_state::parked);
}

TEST(decisions_test, a_failure_is_told_with_a_name_operators_know) {
  EXPECT_EQ(describe({errc::unavailable, "no route"}), "registry unavailable: no route");
}

TEST(decisions_test, a_pass_is_synced_only_when_all_was_looked_at_and_nothing_failed) {
  seeded_random random(1);
  EXPECT_TRUE(decide_pass({.until = 9}, std::nullopt, now, {}, random).synced);
  EXPECT_EQ(decide_pass({.until = 9}, std::nullopt, now, {}, random).synced_size, 9u);
  EXPECT_FALSE(decide_pass({.until = 9, .failed = 1}, std::nullopt, now, {}, random).synced);
  EXPECT_FALSE(decide_pass({.until = 9, .cut_short = true}, std::nullopt, now, {}, random).synced);
}

TEST(decisions_test, a_failed_pass_counts_on_and_waits_longer_and_as_long_as_a_registry_asks) {
  seeded_random random(1);
  actual_repository before;
  before.retry_count = 4;
  const auto v = decide_pass({.until = 9, .failed = 2, .first_failure = "v1: x"}, before, now, {}, random);
  EXPECT_EQ(v.retry_count, 5u);
  EXPECT_EQ(v.reason, "2 items failed; first: v1: x");
  EXPECT_GE(v.retry_at.us - now.us, 8'000'000);
  EXPECT_LE(v.retry_at.us - now.us, 16'000'000);
  const auto asked = decide_pass({.failed = 1, .retry_after_ms = 90'000}, before, now, {}, random);
  EXPECT_EQ(asked.retry_at.us - now.us, 90'000'000);
}

TEST(backoff_test, grows_to_its_cap_with_jitter_and_never_beyond) {
  seeded_random random(5);
  const backoff_policy p{100, 1'000, 5'000};
  for (std::uint64_t attempt = 1; attempt < 70; ++attempt) {
    const auto ms = backoff_ms(p, attempt, random, 0);
    EXPECT_LE(ms, 1'000);
    EXPECT_GE(ms, attempt == 1 ? 50 : 100);
    if (attempt == 1) {
      EXPECT_LE(ms, 100);
    }
  }
  EXPECT_EQ(backoff_ms(p, 1, random, 3'000), 3'000);
  EXPECT_EQ(backoff_ms(p, 1, random, 999'999), 5'000);
  EXPECT_NE(backoff_ms(p, 60, random, 0), backoff_ms(p, 60, random, 0));
}

TEST(glob_test, stars_stay_within_a_path_component_and_double_stars_do_not) {
  EXPECT_TRUE(matches("team/*", "team/app"));
  EXPECT_FALSE(matches("team/*", "team/app/web"));
  EXPECT_TRUE(matches("team/**", "team/app/web"));
  EXPECT_TRUE(matches("**/web", "team/app/web"));
  EXPECT_TRUE(matches("*", "app"));
  EXPECT_TRUE(matches("a*c*", "abcd"));
  EXPECT_FALSE(matches("app", "apps"));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches(std::string(300, '*'), std::string(300, 'a')));
}

}  // namespace
}  // namespace longshore::engine
