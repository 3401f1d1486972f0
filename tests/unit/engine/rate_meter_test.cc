#include "engine/rate_meter.h"

#include <gtest/gtest.h>

#include "engine/copy_progress.h"

namespace longshore::engine {
namespace {

timestamp at(double seconds) { return {static_cast<std::int64_t>(1'000'000'000 + seconds * 1e6)}; }

TEST(rate_meter_test, there_is_no_rate_before_two_samples_a_second_apart) {
  rate_meter m;
  EXPECT_EQ(m.per_second(), 0);
  m.sample(at(0), 100);
  m.sample(at(0.5), 900);
  EXPECT_EQ(m.per_second(), 0);
  m.sample(at(1), 1'100);
  EXPECT_DOUBLE_EQ(m.per_second(), 1'000);
}

TEST(rate_meter_test, only_the_last_half_minute_counts) {
  rate_meter m;
  for (int s = 0; s <= 100; ++s) m.sample(at(s), static_cast<std::uint64_t>(s < 50 ? s * 1'000 : 50'000));
  EXPECT_DOUBLE_EQ(m.per_second(), 0);
  for (int s = 101; s <= 140; ++s) m.sample(at(s), 50'000 + static_cast<std::uint64_t>(s - 100) * 10);
  EXPECT_DOUBLE_EQ(m.per_second(), 10);
}

TEST(rate_meter_test, bursts_are_no_steady_growth) {
  rate_meter m;
  for (int s = 0; s <= 201; ++s) m.sample(at(s), static_cast<std::uint64_t>(s / 40) * 1'000);
  EXPECT_LE(m.per_second(), 40) << "1,000 every 40 s";
}

TEST(rate_meter_test, the_time_before_it_began_to_grow_does_not_count) {
  rate_meter m;
  for (int s = 0; s <= 60; ++s) m.sample(at(s), 500);
  m.sample(at(60.5), 1'000);
  m.sample(at(61), 1'500);
  EXPECT_DOUBLE_EQ(m.per_second(), 1'000);
  m.sample(at(63), 3'500);
  EXPECT_DOUBLE_EQ(m.per_second(), 1'000);
  m.sample(at(66), 3'500);
  EXPECT_DOUBLE_EQ(m.per_second(), 500) << "a pause after it began counts";
}

TEST(rate_meter_test, a_number_that_shrinks_or_a_clock_that_goes_back_begins_anew) {
  rate_meter m;
  m.sample(at(0), 1'000);
  m.sample(at(2), 3'000);
  m.sample(at(3), 10);
  EXPECT_EQ(m.per_second(), 0);
  m.sample(at(1), 20);
  m.sample(at(2), 30);
  EXPECT_DOUBLE_EQ(m.per_second(), 10);
}

TEST(rate_meter_test, what_is_left_takes_its_time_or_is_unknown) {
  EXPECT_EQ(seconds_left(0, 0), 0u);
  EXPECT_EQ(seconds_left(1'000, 300), 4u);
  EXPECT_EQ(seconds_left(1'000, 0), std::nullopt);
  EXPECT_EQ(seconds_left(UINT64_MAX, 0.001), std::nullopt);
}

TEST(copy_progress_test, an_image_is_shown_while_it_is_at_work_and_begins_anew_with_each_look) {
  sync_progress p;
  {
    image_at_work work(p, {"team/app", "v1", at(1)});
    image_progress& image = work.anew();
    image.bytes = 100, image.bytes_copied = 30, image.bytes_mounted = 20;
    EXPECT_EQ(image.bytes_open(), 50u);
    EXPECT_EQ(p.images.front().ref, "v1");
    image.bytes_present = 90;  // more than its manifests said
    EXPECT_EQ(image.bytes_open(), 0u);
    EXPECT_EQ(work.anew().bytes, 0u);
    EXPECT_EQ(p.images.front().started, at(1));
  }
  EXPECT_TRUE(p.images.empty());
}

}  // namespace
}  // namespace longshore::engine
