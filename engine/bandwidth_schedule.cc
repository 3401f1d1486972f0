#include "engine/bandwidth_schedule.h"

#include <algorithm>
#include <array>
#include <string>

namespace longshore::engine {
namespace {

constexpr int day_minutes = 24 * 60;
constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "08:00", up to "24:00".
std::optional<int> minute_of(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (const std::size_t i : {0u, 1u, 3u, 4u}) {
    if (!is_digit(text[i])) return std::nullopt;
  }
  const int hour = (text[0] - '0') * 10 + (text[1] - '0'), minute = (text[3] - '0') * 10 + (text[4] - '0');
  if (minute > 59 || hour * 60 + minute > day_minutes) return std::nullopt;
  return hour * 60 + minute;
}

std::optional<std::size_t> day_of(std::string_view text) {
  const auto found = std::find(day_names.begin(), day_names.end(), text);
  if (found == day_names.end()) return std::nullopt;
  return static_cast<std::size_t>(found - day_names.begin());
}

// "mon", "mon-fri", "fri-mon".
std::optional<std::uint8_t> days_of(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = day_of(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_of(text.substr(dash + 1));
  if (!first || !last) return std::nullopt;
  unsigned days = 0;
  for (std::size_t day = *first;; day = (day + 1) % 7) {
    days |= 1u << day;
    if (day == *last) break;
  }
  return static_cast<std::uint8_t>(days);
}

bool holds(const schedule_window& w, local_minute now) {
  const auto begins_on = [&w](int weekday) { return (w.days >> weekday & 1) != 0; };
  if (w.from < w.to) return begins_on(now.weekday) && now.minute >= w.from && now.minute < w.to;
  return (begins_on(now.weekday) && now.minute >= w.from) || (begins_on((now.weekday + 6) % 7) && now.minute < w.to);
}

}  // namespace

result<schedule_window> parse_schedule_window(std::string_view hours, std::uint64_t per_second) {
  const auto refuse = [hours] {
    return fail(errc::invalid,
                "\"" + std::string(hours.substr(0, 100)) +
                    "\" names no hours: expected for example \"08:00-18:00\" or \"mon-fri 22:00-06:00\"");
  };
  schedule_window w;
  w.per_second = per_second;
  const std::size_t space = hours.find(' ');
  if (space != std::string_view::npos) {
    const auto days = days_of(hours.substr(0, space));
    if (!days) return refuse();
    w.days = *days;
    hours.remove_prefix(space + 1);
  }
  const std::size_t dash = hours.find('-');
  if (dash == std::string_view::npos) return refuse();
  const auto from = minute_of(hours.substr(0, dash)), to = minute_of(hours.substr(dash + 1));
  if (!from || !to || *from == *to || *from == day_minutes) return refuse();
  w.from = *from;
  w.to = *to;
  return w;
}

local_minute local_minute_at(timestamp now, std::int64_t offset_s) {
  constexpr std::int64_t day_s = 86'400;
  const std::int64_t local_s = now.us / 1'000'000 + offset_s;
  std::int64_t day = local_s / day_s, second = local_s % day_s;
  if (second < 0) {
    --day;
    second += day_s;
  }
  // 1970-01-01 was a Thursday.
  const auto weekday = static_cast<int>(((day + 3) % 7 + 7) % 7);
  return {weekday, static_cast<int>(second / 60)};
}

std::optional<std::uint64_t> bandwidth_schedule::at(local_minute now) const {
  const auto found =
      std::find_if(windows_.begin(), windows_.end(), [now](const schedule_window& w) { return holds(w, now); });
  if (found == windows_.end()) return std::nullopt;
  return found->per_second;
}

}  // namespace longshore::engine
