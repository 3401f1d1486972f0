#include "tools/position_report.h"

#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

constexpr timestamp start{1'800'000'000'000'000};
timestamp after(std::int64_t seconds) { return {start.us + seconds * 1'000'000}; }

TEST(position_report, a_position_is_reported_at_once_and_at_each_change) {
  position_report r;
  EXPECT_TRUE(r.is_due(0, start)) << "an empty log, too";
  r.taken(0, start);
  EXPECT_FALSE(r.is_due(0, after(2)));
  EXPECT_TRUE(r.is_due(1, after(2)));
  EXPECT_EQ(r.last(), 0u);
}

// Of whom nothing was heard for five minutes a primary warns.
TEST(position_report, a_follower_to_which_nothing_comes_is_heard_of_every_minute) {
  position_report r;
  r.taken(7, start);
  EXPECT_FALSE(r.is_due(7, after(59)));
  EXPECT_TRUE(r.is_due(7, after(60)));
  EXPECT_TRUE(r.is_due(7, after(61))) << "until it is taken";
  r.taken(7, after(61));
  EXPECT_FALSE(r.is_due(7, after(120)));
}

TEST(position_report, a_primary_that_is_away_is_told_once_a_minute_and_at_each_change) {
  position_report r;
  r.tried(7, start);
  EXPECT_FALSE(r.is_due(7, after(2)));
  EXPECT_TRUE(r.is_due(7, after(60)));
  EXPECT_TRUE(r.is_due(8, after(2)));
  r.taken(7, start);
  r.tried(7, after(60));
  EXPECT_FALSE(r.is_due(7, after(62)));
  EXPECT_TRUE(r.is_due(8, after(62)));
  EXPECT_TRUE(r.is_due(7, after(120)));
  EXPECT_TRUE(r.is_due(7, after(-1))) << "the clock was set back";
}

TEST(position_report, a_clock_that_was_set_back_silences_nobody) {
  position_report r;
  r.taken(7, start);
  EXPECT_TRUE(r.is_due(7, after(-3'600)));
}

}  // namespace
}  // namespace longshore::tools
