#include "engine/verification_turns.h"

#include <gtest/gtest.h>

#include "engine/age.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t hour_us = 3'600'000'000;

class verification_turns_test : public ::testing::Test {
 protected:
  using newest = verification_turns::newest;
  using trouble = verification_turns::trouble;
  bool is_due(const std::string& repository, newest was, timestamp verified = {}) const {
    return turns_.overdue_us(repository, age_us(verified, now_), was, now_).has_value();
  }

  verification_turns turns_{24 * hour_us};
  timestamp now_{1'790'000'000'000'000};
};

TEST_F(verification_turns_test, each_repository_has_its_turn_once_in_every_round) {
  const timestamp verified = now_;
  EXPECT_TRUE(is_due("never", newest::compared));
  now_.us += 24 * hour_us - 1;
  EXPECT_FALSE(is_due("a", newest::compared, verified));
  now_.us += 1;
  EXPECT_TRUE(is_due("a", newest::compared, verified));
  turns_.took("a", now_);
  EXPECT_FALSE(is_due("a", newest::compared, verified)) << "it differs, and the others have their turn";
}

TEST_F(verification_turns_test, who_is_due_for_longest_comes_first) {
  const auto overdue_us = [&](std::int64_t age) { return turns_.overdue_us("a", age, newest::compared, now_); };
  EXPECT_GT(overdue_us(30 * hour_us), overdue_us(25 * hour_us));
}

TEST_F(verification_turns_test, what_could_not_be_compared_comes_again_within_the_hour) {
  turns_.took("a", now_);
  turns_.failed("a", now_, trouble::its_own);
  now_.us += hour_us - 1;
  EXPECT_FALSE(is_due("a", newest::not_compared));
  now_.us += 1;
  EXPECT_TRUE(is_due("a", newest::not_compared));
}

TEST_F(verification_turns_test, what_cannot_be_compared_for_long_takes_few_turns) {
  int turns = 0;
  for (int hour = 0; hour < 30 * 24; ++hour, now_.us += hour_us) {
    if (!is_due("a", newest::not_compared)) continue;
    turns_.took("a", now_);
    turns_.failed("a", now_, trouble::its_own);
    ++turns;
  }
  EXPECT_GE(turns, 30) << "once in every round all the same";
  EXPECT_LE(turns, 36);
}

TEST_F(verification_turns_test, what_was_compared_meanwhile_is_tried_soon_when_it_fails_anew) {
  for (int n = 0; n < 10; ++n) turns_.failed("a", now_, trouble::its_own);
  turns_.compared("a");
  turns_.took("a", now_);
  turns_.failed("a", now_, trouble::its_own);
  now_.us += hour_us;
  EXPECT_TRUE(is_due("a", newest::not_compared));
}

TEST_F(verification_turns_test, what_fails_after_hours_is_not_due_at_once) {
  turns_.took("a", now_);
  now_.us += 3 * hour_us;
  turns_.failed("a", now_, trouble::its_own);
  EXPECT_FALSE(is_due("a", newest::not_compared));
  now_.us += hour_us;
  EXPECT_TRUE(is_due("a", newest::not_compared));
}

TEST_F(verification_turns_test, after_an_outage_all_that_it_kept_from_being_compared_come_within_the_hour) {
  for (int n = 0; n < 6; ++n) {
    for (const char* r : {"a", "b", "c"}) turns_.failed(r, now_, trouble::shared);
    turns_.failed("damaged", now_, trouble::its_own);
  }
  now_.us += hour_us;
  EXPECT_FALSE(is_due("a", newest::not_compared)) << "it is away, as far as anybody knows";
  turns_.compared("c");
  EXPECT_TRUE(is_due("a", newest::not_compared));
  EXPECT_TRUE(is_due("b", newest::not_compared));
  EXPECT_FALSE(is_due("damaged", newest::not_compared)) << "that was no outage";
  turns_.failed("b", now_, trouble::shared);
  now_.us += hour_us;
  EXPECT_TRUE(is_due("b", newest::not_compared)) << "as for the first time";
}

TEST_F(verification_turns_test, what_is_compared_while_others_cannot_be_says_nothing_of_them) {
  for (int n = 0; n < 6; ++n) turns_.failed("a", now_, trouble::shared);
  turns_.failed("damaged", now_, trouble::its_own);
  turns_.took("of another source", now_);
  now_.us += hour_us;
  turns_.compared("damaged");
  turns_.compared("of another source");
  EXPECT_FALSE(is_due("a", newest::not_compared));
}

TEST_F(verification_turns_test, a_clock_that_was_set_back_makes_nobody_wait_for_it) {
  const timestamp verified = now_;
  turns_.took("a", now_);
  turns_.failed("b", now_, trouble::its_own);
  turns_.took("b", now_);
  now_.us -= 1'000 * hour_us;
  EXPECT_TRUE(is_due("a", newest::compared, verified));
  EXPECT_TRUE(is_due("b", newest::not_compared, verified));
  turns_.took("a", now_);
  EXPECT_FALSE(is_due("a", newest::compared, verified)) << "once";
}

TEST_F(verification_turns_test, what_is_verified_each_minute_is_not_kept_for_an_hour) {
  verification_turns often{60'000'000};
  often.took("a", now_);
  often.failed("a", now_, trouble::its_own);
  now_.us += 60'000'000;
  EXPECT_TRUE(often.overdue_us("a", age_us({}, now_), newest::not_compared, now_));
}

}  // namespace
}  // namespace longshore::engine
