#include "engine/token_bucket.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "storage/env/random.h"

namespace longshore::engine {
namespace {

TEST(token_bucket, without_a_rate_everything_goes_at_once) {
  token_bucket b;
  EXPECT_FALSE(b.limited());
  EXPECT_EQ(b.take(0, token_bucket::most), 0);
  EXPECT_EQ(b.take(0, token_bucket::most), 0);
}

TEST(token_bucket, begins_with_its_burst_and_then_goes_at_its_rate) {
  token_bucket b;
  b.set(0, 1'000, 100);
  EXPECT_EQ(b.take(0, 60), 0);
  EXPECT_EQ(b.take(0, 40), 0);
  EXPECT_EQ(b.take(0, 10), 10'000);
  EXPECT_EQ(b.take(9'999, 10), 1);
  EXPECT_EQ(b.take(10'000, 10), 0);
}

TEST(token_bucket, saves_up_no_more_than_its_burst) {
  token_bucket b;
  b.set(0, 1'000, 100);
  const std::int64_t year = 365LL * 86'400 * 1'000'000;
  EXPECT_EQ(b.take(year, 100), 0);
  EXPECT_EQ(b.take(year, 1), 1'000);
}

TEST(token_bucket, a_cost_above_the_burst_is_owed_and_paid_by_the_next) {
  token_bucket b;
  b.set(0, 1'000, 100);
  EXPECT_EQ(b.take(0, 1'100), 0);
  EXPECT_EQ(b.take(0, 1), 1'001'000);
  EXPECT_EQ(b.take(1'001'000, 1), 0);
}

TEST(token_bucket, what_was_not_needed_comes_back) {
  token_bucket b;
  b.set(0, 1'000, 100);
  ASSERT_EQ(b.take(0, 100), 0);
  b.give_back(30);
  EXPECT_EQ(b.take(0, 30), 0);
  b.give_back(500);
  EXPECT_EQ(b.take(0, 100), 0);
  EXPECT_GT(b.take(0, 1), 0);
}

TEST(token_bucket, a_new_rate_holds_from_then_on_and_debts_stay) {
  token_bucket b;
  b.set(0, 1'000, 100);
  ASSERT_EQ(b.take(0, 600), 0);
  b.set(0, 10'000, 1'000);
  EXPECT_EQ(b.take(0, 500), 100'000);
  b.set(50'000, 0, 0);
  EXPECT_EQ(b.take(50'000, 1'000'000), 0);
}

TEST(token_bucket, a_lower_burst_takes_away_what_was_saved_up) {
  token_bucket b;
  b.set(0, 1'000, 100);
  b.set(0, 1'000, 10);
  EXPECT_EQ(b.take(0, 10), 0);
  EXPECT_EQ(b.take(0, 10), 10'000);
}

TEST(token_bucket, time_that_goes_back_gives_nothing_twice) {
  token_bucket b;
  b.set(1'000'000, 1'000, 100);
  ASSERT_EQ(b.take(1'000'000, 100), 0);
  EXPECT_EQ(b.take(0, 10), 10'000);
  EXPECT_EQ(b.take(1'010'000, 10), 0);
  EXPECT_EQ(b.take(1'010'000, 10), 10'000);
}

TEST(token_bucket, the_extremes_do_not_overflow) {
  token_bucket b;
  b.set(0, token_bucket::most, token_bucket::most);
  EXPECT_EQ(b.take(0, UINT64_MAX), 0);
  EXPECT_EQ(b.take(0, UINT64_MAX), 1'000'000);
  EXPECT_EQ(b.take(INT64_MAX / 2, UINT64_MAX), 0);
  token_bucket slow;
  slow.set(0, 1, 1);
  EXPECT_EQ(slow.take(0, token_bucket::most), 0);
  EXPECT_EQ(slow.take(0, 1), static_cast<std::int64_t>(token_bucket::most) * 1'000'000);
}

TEST(token_bucket, does_not_drift_in_a_million_odd_steps) {
  token_bucket b;
  b.set(0, 3, 1);
  std::int64_t now = 0;
  std::uint64_t taken = 0;
  for (int step = 0; step < 1'000'000; ++step) {
    now += 7;
    if (b.take(now, 1) == 0) ++taken;
  }
  // Seven seconds at three a second, and the burst.
  EXPECT_GE(taken, 21u);
  EXPECT_LE(taken, 22u);
}

struct taking {
  std::int64_t at_us;
  std::uint64_t cost;
};

// Over every stretch of time: no more than rate * t + max(burst, largest cost).
void expect_bounded(const std::vector<taking>& all, std::uint64_t rate, std::uint64_t burst, std::uint64_t seed) {
  for (std::size_t from = 0; from < all.size(); ++from) {
    std::uint64_t sum = 0, largest = burst;
    for (std::size_t to = from; to < all.size(); ++to) {
      sum += all[to].cost;
      largest = std::max(largest, all[to].cost);
      const auto t = static_cast<std::uint64_t>(all[to].at_us - all[from].at_us);
      ASSERT_LE(sum, rate * t / 1'000'000 + 1 + largest) << "seed " << seed << " from " << from << " to " << to;
    }
  }
}

TEST(token_bucket, no_interval_ever_has_more_than_rate_and_burst_allow) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    seeded_random random(seed);
    const std::uint64_t rate = 1 + random.below(1'000'000), burst = 1 + random.below(100'000);
    token_bucket b;
    b.set(0, rate, burst);
    std::vector<taking> all;
    std::int64_t now = 0;
    while (all.size() < 60) {
      const std::uint64_t cost = random.below(4) == 0 ? 1 + random.below(4 * burst) : 1 + random.below(burst);
      const std::int64_t wait = b.take(now, cost);
      if (wait == 0) {
        all.push_back({now, cost});
        now += static_cast<std::int64_t>(random.below(2'000));
        continue;
      }
      // Waiting as long as was said is enough; asking earlier gets nothing, and costs nothing.
      if (wait > 1) {
        ASSERT_GT(b.take(now + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(wait))), cost), 0)
            << "seed " << seed;
      }
      now += wait;
      ASSERT_EQ(b.take(now, cost), 0) << "seed " << seed;
      all.push_back({now, cost});
    }
    expect_bounded(all, rate, burst, seed);
  }
}

TEST(token_bucket, a_steady_taker_gets_its_rate) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    seeded_random random(seed);
    const std::uint64_t rate = 1'000 + random.below(10'000'000);
    token_bucket b;
    b.set(0, rate, 16'384);
    std::int64_t now = 0;
    std::uint64_t taken = 0;
    while (now < 10'000'000) {
      const std::uint64_t cost = 1 + random.below(16'384);
      const std::int64_t wait = b.take(now, cost);
      now += wait;
      if (wait > 0) continue;
      taken += cost;
    }
    EXPECT_GE(taken + 16'384, rate * 10) << "seed " << seed;
  }
}

}  // namespace
}  // namespace longshore::engine
