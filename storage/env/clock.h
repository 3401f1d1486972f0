#pragma once

// Wall-clock time as a value, and the seam through which it is read.
//
// Decisions never read a clock: they are handed a timestamp. Only the outermost doers own a `clock&`.

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore {

// Microseconds since 1970-01-01T00:00:00Z.
struct timestamp {
  std::int64_t us = 0;
  auto operator<=>(const timestamp&) const = default;
};

// RFC 3339 in UTC with microseconds: "2026-11-23T21:19:06.120330Z".
std::string to_rfc3339(timestamp t);

// Parses RFC 3339 with any offset and up to 9 fraction digits (the rest of a microsecond is cut off).
// errc::invalid for anything else, also for years outside 1970..9999.
result<timestamp> parse_rfc3339(std::string_view text);

class clock {
 public:
  virtual ~clock() = default;
  virtual timestamp now() const = 0;
};

// The machine's real-time clock; may step. Safe from any thread.
class system_clock final : public clock {
 public:
  timestamp now() const override;
};

// A clock that stands still until told to move: for tests and simulation.
class manual_clock final : public clock {
 public:
  explicit manual_clock(timestamp start) : now_(start) {}
  timestamp now() const override { return now_; }
  void advance_us(std::int64_t us) { now_.us += us; }
  void set(timestamp t) { now_ = t; }

 private:
  timestamp now_;
};

}  // namespace longshore
