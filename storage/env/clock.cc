#include "storage/env/clock.h"

#include <chrono>
#include <cstdio>

namespace longshore {
namespace {

bool read_digits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool read_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456789" to microseconds; nothing there is zero.
bool read_fraction(std::string_view& text, int& us) {
  us = 0;
  if (text.empty() || text.front() != '.') return true;
  text.remove_prefix(1);
  int digits = 0;
  for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; text.remove_prefix(1), ++digits) {
    if (digits < 6) us = us * 10 + (text.front() - '0');
  }
  if (digits == 0 || digits > 9) return false;
  for (; digits < 6; ++digits) us *= 10;
  return true;
}

// "Z" or "+hh:mm" to minutes east of UTC.
bool read_offset(std::string_view& text, int& minutes) {
  minutes = 0;
  if (read_char(text, "Zz")) return true;
  if (text.empty()) return false;
  const int sign = text.front() == '-' ? -1 : 1;
  int hours = 0, rest = 0;
  if (!read_char(text, "+-") || !read_digits(text, 2, hours) || !read_char(text, ":") || !read_digits(text, 2, rest) ||
      hours > 23 || rest > 59) {
    return false;
  }
  minutes = sign * (hours * 60 + rest);
  return true;
}

}  // namespace

// Any number of microseconds has a text: records from elsewhere may hold times far outside the years of parsing, which
// the calendar is not asked about (its arithmetic would overflow).
std::string to_rfc3339(timestamp t) {
  using namespace std::chrono;
  constexpr std::int64_t us_per_day = 86'400'000'000;
  const std::int64_t rest = t.us % us_per_day;
  const std::int64_t day = t.us / us_per_day - (rest < 0 ? 1 : 0);
  const std::int64_t us = rest < 0 ? rest + us_per_day : rest;
  // The Gregorian calendar repeats every 400 years, that is 146,097 days.
  const std::int64_t cycles = day / 146'097;
  const year_month_day date(sys_days(days(static_cast<int>(day - cycles * 146'097))));
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ",
                static_cast<int>(date.year()) + static_cast<int>(cycles * 400), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()), static_cast<int>(us / 3'600'000'000),
                static_cast<int>(us / 60'000'000 % 60), static_cast<int>(us / 1'000'000 % 60),
                static_cast<int>(us % 1'000'000));
  return text;
}

result<timestamp> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  std::string_view in = text;
  int y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0, us = 0, offset = 0;
  const bool shaped = read_digits(in, 4, y) && read_char(in, "-") && read_digits(in, 2, mo) && read_char(in, "-") &&
                      read_digits(in, 2, d) && read_char(in, "Tt ") && read_digits(in, 2, h) && read_char(in, ":") &&
                      read_digits(in, 2, mi) && read_char(in, ":") && read_digits(in, 2, s) && read_fraction(in, us) &&
                      read_offset(in, offset) && in.empty();
  const year_month_day date{year(y), month(static_cast<unsigned>(mo)), day(static_cast<unsigned>(d))};
  // A leap second is read as the first moment of the next minute.
  if (!shaped || !date.ok() || y < 1970 || h > 23 || mi > 59 || s > 60) {
    return fail(errc::invalid,
                "'" + std::string(text.substr(0, 64)) + "' is not an RFC 3339 time such as 2026-11-23T21:19:06Z");
  }
  const auto at = sys_days(date) + hours(h) + minutes(mi - offset) + seconds(s) + microseconds(us);
  const timestamp t{duration_cast<microseconds>(at.time_since_epoch()).count()};
  constexpr timestamp last{253'402'300'799'999'999};  // 9999-12-31T23:59:59.999999Z
  if (t.us < 0 || t > last) return fail(errc::invalid, "the time '" + std::string(text) + "' is out of range");
  return t;
}

timestamp system_clock::now() const {
  using namespace std::chrono;
  return {duration_cast<microseconds>(std::chrono::system_clock::now().time_since_epoch()).count()};
}

}  // namespace longshore
