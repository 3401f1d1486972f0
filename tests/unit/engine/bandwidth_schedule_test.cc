#include "engine/bandwidth_schedule.h"

#include <gtest/gtest.h>

#include <string>

#include "storage/env/random.h"

namespace longshore::engine {
namespace {

enum weekday : int { mon, tue, wed, thu, fri, sat, sun };

schedule_window window(std::string_view text, std::uint64_t rate = 1'000) {
  auto w = parse_schedule_window(text, rate);
  EXPECT_TRUE(w) << text;
  return w.value_or(schedule_window{});
}
int at(int hour, int minute = 0) { return hour * 60 + minute; }

TEST(bandwidth_schedule, hours_alone_hold_on_every_day) {
  const bandwidth_schedule s({window("08:00-18:00")});
  for (int day = mon; day <= sun; ++day) {
    EXPECT_FALSE(s.at({day, at(7, 59)}));
    EXPECT_EQ(s.at({day, at(8)}), 1'000u);
    EXPECT_EQ(s.at({day, at(17, 59)}), 1'000u);
    EXPECT_FALSE(s.at({day, at(18)}));
  }
}

TEST(bandwidth_schedule, days_are_a_day_or_a_span_that_may_go_over_the_weekend) {
  EXPECT_EQ(window("mon 08:00-18:00").days, 0b0000001);
  EXPECT_EQ(window("mon-fri 08:00-18:00").days, 0b0011111);
  EXPECT_EQ(window("sat-sun 08:00-18:00").days, 0b1100000);
  EXPECT_EQ(window("fri-mon 08:00-18:00").days, 0b1110001);
  EXPECT_EQ(window("08:00-18:00").days, 0b1111111);
}

TEST(bandwidth_schedule, a_night_belongs_to_the_day_on_which_it_begins) {
  const bandwidth_schedule s({window("fri 22:00-06:00")});
  EXPECT_FALSE(s.at({fri, at(5)}));
  EXPECT_EQ(s.at({fri, at(22)}), 1'000u);
  EXPECT_EQ(s.at({sat, at(5, 59)}), 1'000u);
  EXPECT_FALSE(s.at({sat, at(6)}));
  EXPECT_FALSE(s.at({sat, at(23)}));
  const bandwidth_schedule sunday({window("sun 22:00-06:00")});
  EXPECT_EQ(sunday.at({mon, at(1)}), 1'000u);
}

TEST(bandwidth_schedule, the_first_window_that_holds_decides) {
  const bandwidth_schedule s(
      {window("mon 12:00-13:00", 5), window("mon-fri 08:00-18:00", 7), window("00:00-24:00", 9)});
  EXPECT_EQ(s.at({mon, at(12, 30)}), 5u);
  EXPECT_EQ(s.at({tue, at(12, 30)}), 7u);
  EXPECT_EQ(s.at({sun, at(23, 59)}), 9u);
  EXPECT_FALSE(bandwidth_schedule().at({mon, 0}));
}

TEST(bandwidth_schedule, what_is_no_window_is_refused_and_told_what_is) {
  for (const char* text : {"",
                           " ",
                           "08:00",
                           "8:00-18:00",
                           "08:00-18:00 ",
                           " 08:00-18:00",
                           "08:00 - 18:00",
                           "08:60-18:00",
                           "24:01-06:00",
                           "25:00-26:00",
                           "08:00-08:00",
                           "24:00-06:00",
                           "monday 08:00-18:00",
                           "mon-foo 08:00-18:00",
                           "mon- 08:00-18:00",
                           "MON 08:00-18:00",
                           "mon  08:00-18:00",
                           "mon 08:00-18:00-19:00",
                           "-08:00-18:00",
                           "08:00-18:0x"}) {
    const auto w = parse_schedule_window(text, 1);
    ASSERT_FALSE(w) << "\"" << text << "\"";
    EXPECT_EQ(w.error().code, errc::invalid);
    EXPECT_NE(w.error().text.find("mon-fri 22:00-06:00"), std::string::npos);
  }
}

TEST(bandwidth_schedule, any_text_is_either_refused_or_a_sane_window) {
  constexpr std::string_view letters = "montuewdhfrisa 0123456789:--";
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    seeded_random random(seed);
    std::string text = seed % 2 == 0 ? "mon-fri 08:00-18:00" : "22:00-06:00";
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
      const auto place = random.below(text.size());
      const char c = random.below(10) == 0 ? static_cast<char>(random.next()) : letters[random.below(letters.size())];
      if (random.below(3) == 0)
        text.erase(place, 1);
      else
        text[place] = c;
      if (text.empty()) break;
    }
    const auto w = parse_schedule_window(text, 1);
    if (!w) continue;
    EXPECT_NE(w->days, 0) << text;
    EXPECT_TRUE(w->from >= 0 && w->from < at(24) && w->to >= 0 && w->to <= at(24) && w->from != w->to) << text;
  }
}

TEST(bandwidth_schedule, local_time_follows_the_offset_of_the_moment) {
  const auto utc = [](std::string_view text) { return parse_rfc3339(text).value(); };
  const auto same = [](local_minute a, int day, int minute) { return a.weekday == day && a.minute == minute; };
  EXPECT_TRUE(same(local_minute_at({0}, 0), thu, 0));
  EXPECT_TRUE(same(local_minute_at({0}, -3'600), wed, at(23)));
  EXPECT_TRUE(same(local_minute_at(utc("2026-11-25T14:30:59Z"), 3'600), wed, at(15, 30)));
  // Berlin leaves summer time on 2026-10-25 at 01:00 UTC: half past two comes twice.
  EXPECT_TRUE(same(local_minute_at(utc("2026-10-25T00:30:00Z"), 7'200), sun, at(2, 30)));
  EXPECT_TRUE(same(local_minute_at(utc("2026-10-25T01:30:00Z"), 3'600), sun, at(2, 30)));
}

}  // namespace
}  // namespace longshore::engine
