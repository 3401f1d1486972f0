#pragma once

// Named durable positions in a log, one per consumer ("how many records have I taken").
// set() is durable on return; a cursor never moves back (errc::conflict), nor past the log's durable end. All verbs may
// be called from any thread.

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "log/event_log.h"

namespace longshore::log {

class cursors {
 public:
  explicit cursors(event_log& log) : log_(&log) {}
  result<std::uint64_t> get(std::string_view consumer) const;  // 0 for an unknown consumer
  result<void> set(std::string_view consumer, std::uint64_t size);
  result<std::map<std::string, std::uint64_t>> all() const;

 private:
  event_log* log_;
  std::mutex setting_;  // looking at a cursor and moving it are one step
};

}  // namespace longshore::log
