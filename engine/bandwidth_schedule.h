#pragma once

// Which rate holds at which hours of the week: "mon-fri 08:00-18:00" and a rate, as often as needed.
//
// Hours are local time; a window that ends at or before its begin goes on into the next day, and its days are those on
// which it begins ("fri 22:00-06:00" ends on Saturday). The first window that holds decides. Local time is handed in as
// the offset from UTC that holds at that moment, so a change of daylight saving time takes effect when it happens;
// an hour that does not exist that day is skipped, one that comes twice counts twice. Pure.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/env/clock.h"
#include "storage/env/result.h"

namespace longshore::engine {

struct schedule_window {
  std::uint8_t days = 0x7f;  // bit 0 is Monday
  int from = 0, to = 0;      // minutes of the day; `to` up to 24 * 60
  std::uint64_t per_second = 0;
  bool operator==(const schedule_window&) const = default;
};

// "08:00-18:00", "sat 00:00-24:00", "mon-fri 22:00-06:00", "fri-mon 12:00-13:00". errc::invalid for anything else.
result<schedule_window> parse_schedule_window(std::string_view hours, std::uint64_t per_second);

struct local_minute {
  int weekday = 0;  // 0 is Monday
  int minute = 0;   // of the day
};
local_minute local_minute_at(timestamp now, std::int64_t offset_s);

class bandwidth_schedule {
 public:
  bandwidth_schedule() = default;
  explicit bandwidth_schedule(std::vector<schedule_window> windows) : windows_(std::move(windows)) {}
  bool empty() const { return windows_.empty(); }
  // The rate of the window that holds; none: no window does.
  std::optional<std::uint64_t> at(local_minute now) const;

 private:
  std::vector<schedule_window> windows_;
};

}  // namespace longshore::engine
