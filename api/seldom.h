#pragma once

// Warnings that a peer can cause as often as it likes, and that a log is to have once a minute at most. Pure but for
// what `warn` does.

#include <functional>
#include <string>

#include "engine/age.h"

namespace longshore::api {

// Writes it when none of its kind was written within the last minute; last is that kind's. Without `warn`, nothing is.
inline void warn_seldom(const std::function<void(const std::string&)>& warn, timestamp now, timestamp& last,
                        const std::string& what) {
  constexpr std::int64_t every_us = 60'000'000;
  if (!warn || engine::age_us(last, now) < every_us) return;
  last = now;
  warn(what);
}

}  // namespace longshore::api
