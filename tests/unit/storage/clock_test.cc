#include "storage/env/clock.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>

namespace longshore {
namespace {

std::int64_t us_of(std::string_view text) {
  const auto t = parse_rfc3339(text);
  EXPECT_TRUE(t) << text;
  return t ? t->us : -1;
}

TEST(clock, known_times_have_known_texts) {
  EXPECT_EQ(to_rfc3339({0}), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(to_rfc3339({951'782'400'000'001}), "2000-02-29T00:00:00.000001Z");
  EXPECT_EQ(to_rfc3339({1'795'468'746'120'330}), "2026-11-23T21:19:06.120330Z");
  EXPECT_EQ(to_rfc3339({253'402'300'799'999'999}), "9999-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339({-1}), "1969-12-31T23:59:59.999999Z");
}

TEST(clock, any_number_of_microseconds_has_a_text) {
  EXPECT_FALSE(to_rfc3339({std::numeric_limits<std::int64_t>::min()}).empty());
  EXPECT_FALSE(to_rfc3339({std::numeric_limits<std::int64_t>::max()}).empty());
}

TEST(clock, every_text_that_is_written_is_read_back) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 20'000; ++i) {
    const timestamp t{static_cast<std::int64_t>(random() % 253'402'300'800'000'000)};
    ASSERT_EQ(parse_rfc3339(to_rfc3339(t)).value(), t);
  }
}

TEST(clock, offsets_and_fractions_of_any_length_are_understood) {
  const std::int64_t expected = us_of("2026-11-23T21:19:06.120330Z");
  EXPECT_EQ(us_of("2026-11-23T22:19:06.120330+01:00"), expected);
  EXPECT_EQ(us_of("2026-11-23T15:49:06.12033-05:30"), expected);
  EXPECT_EQ(us_of("2026-11-23T21:19:06.120330999Z"), expected);
  EXPECT_EQ(us_of("2026-11-23t21:19:06.120330z"), expected);
  EXPECT_EQ(us_of("2026-11-23T21:19:06Z"), expected - 120'330);
}

TEST(clock, what_is_not_a_time_is_refused) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T21:19:06",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-11-23T24:00:00Z",
                           "2026-11-23T21:60:00Z",
                           "2026-11-23T21:19:61Z",
                           "2026-11-23T21:19:06.Z",
                           "2026-11-23T21:19:06.1234567890Z",
                           "2026-11-23T21:19:06+1:00",
                           "2026-11-23T21:19:06+24:00",
                           "2026-11-23T21:19:06Zx",
                           "1969-12-31T23:59:59Z",
                           "9999-12-31T23:59:59-01:00",
                           "0000-00-00T00:00:00Z",
                           "1970-01-01T00:00:00+00:01",
                           "-026-11-23T21:19:06Z"}) {
    const auto t = parse_rfc3339(text);
    ASSERT_FALSE(t) << text;
    EXPECT_EQ(t.error().code, errc::invalid) << text;
  }
}

TEST(clock, a_manual_clock_stands_still_until_told) {
  manual_clock clock({5});
  EXPECT_EQ(clock.now().us, 5);
  clock.advance_us(10);
  EXPECT_EQ(clock.now().us, 15);
  clock.set({3});
  EXPECT_EQ(clock.now().us, 3);
}

}  // namespace
}  // namespace longshore
