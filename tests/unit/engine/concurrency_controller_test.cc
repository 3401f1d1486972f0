#include "engine/concurrency_controller.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "storage/env/random.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t second = 1'000'000;

// One window in which all connections were busy and so much was done.
void busy_window(concurrency_controller& c, std::int64_t& now, std::uint64_t bytes) {
  c.pressed();
  now += second;
  c.completed(now, now - second / 10, bytes);
  // Rounds of a tenth of a second make windows of a fifth: this one is closed by now.
}

concurrency_controller begun(concurrency_limits limits, std::int64_t& now) {
  concurrency_controller c(limits);
  now += second;
  c.completed(now, now - second / 10, 0);
  return c;
}

TEST(concurrency_controller, begins_with_all_that_is_allowed) {
  EXPECT_EQ(concurrency_controller({1, 16}).allowed(), 16u);
}

TEST(concurrency_controller, halves_down_to_the_least) {
  concurrency_controller c({3, 16});
  std::int64_t now = 0;
  for (const std::uint32_t expected : {8u, 4u, 3u, 3u}) {
    now += second;
    c.overloaded(now, now - 1);
    EXPECT_EQ(c.allowed(), expected);
  }
}

TEST(concurrency_controller, failures_of_requests_under_way_at_a_halving_tell_nothing_new) {
  concurrency_controller c({1, 16});
  EXPECT_TRUE(c.overloaded(10 * second, 9 * second));
  for (int i = 0; i < 15; ++i) EXPECT_FALSE(c.overloaded(11 * second + i, 9 * second + i));
  EXPECT_EQ(c.allowed(), 8u);
  EXPECT_TRUE(c.overloaded(12 * second, 11 * second));
  EXPECT_EQ(c.allowed(), 4u);
}

TEST(concurrency_controller, grows_by_one_per_window_while_more_gets_done) {
  std::int64_t now = 0;
  concurrency_controller c = begun({1, 16}, now);
  c.overloaded(now, now - 1);
  ASSERT_EQ(c.allowed(), 8u);
  for (std::uint32_t i = 1; i <= 8; ++i) {
    busy_window(c, now, 1'000'000 * i);
    EXPECT_EQ(c.allowed(), 8 + i);
  }
  busy_window(c, now, 100'000'000);
  EXPECT_EQ(c.allowed(), 16u);
}

TEST(concurrency_controller, stays_where_more_connections_do_not_help_and_tries_one_more_at_times) {
  std::int64_t now = 0;
  concurrency_controller c = begun({1, 16}, now);
  c.overloaded(now, now - 1);
  busy_window(c, now, 1'000'000);
  ASSERT_EQ(c.allowed(), 9u);
  for (int i = 0; i < 7; ++i) busy_window(c, now, 1'000'000);
  EXPECT_EQ(c.allowed(), 9u);
  busy_window(c, now, 1'000'000);
  EXPECT_EQ(c.allowed(), 10u);
}

TEST(concurrency_controller, does_not_grow_while_nobody_wants_more) {
  std::int64_t now = 0;
  concurrency_controller c = begun({1, 16}, now);
  c.overloaded(now, now - 1);
  for (std::uint64_t i = 1; i < 50; ++i) {
    now += second;
    c.completed(now, now - second / 10, i * 1'000'000);
  }
  EXPECT_EQ(c.allowed(), 8u);
}

TEST(concurrency_controller, recovers_after_an_overload_is_over) {
  std::int64_t now = 0;
  concurrency_controller c = begun({2, 8}, now);
  for (int i = 0; i < 5; ++i) {
    now += second;
    c.overloaded(now, now - 1);
  }
  ASSERT_EQ(c.allowed(), 2u);
  for (int i = 0; i < 100; ++i) busy_window(c, now, 1'000'000);
  EXPECT_EQ(c.allowed(), 8u);
}

TEST(concurrency_controller, never_leaves_its_limits) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    seeded_random random(seed);
    const auto least = static_cast<std::uint32_t>(1 + random.below(5));
    const auto most = least + static_cast<std::uint32_t>(random.below(30));
    concurrency_controller c({least, most});
    std::int64_t now = 0, halved = INT64_MIN;
    for (int i = 0; i < 300; ++i) {
      now += static_cast<std::int64_t>(random.below(2 * second));
      const std::int64_t sent = now - static_cast<std::int64_t>(random.below(second));
      const std::uint32_t before = c.allowed();
      if (random.below(3) == 0) c.pressed();
      if (random.below(10) == 0) {
        c.overloaded(now, sent);
        // At most once for what was sent before the last time.
        if (sent <= halved) {
          ASSERT_EQ(c.allowed(), before) << "seed " << seed;
        } else {
          ASSERT_EQ(c.allowed(), std::max(least, before / 2)) << "seed " << seed;
          halved = now;
        }
      } else {
        c.completed(now, sent, random.below(10'000'000));
        ASSERT_LE(c.allowed(), before + 1) << "seed " << seed;
        ASSERT_GE(c.allowed(), before) << "seed " << seed;
      }
      ASSERT_GE(c.allowed(), least) << "seed " << seed;
      ASSERT_LE(c.allowed(), most) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace longshore::engine
