#pragma once

// Named durable positions in a log, one per consumer ("how many records have I taken").
// set(), set_back() and forget() are durable on return. A cursor never passes the log's durable end (errc::conflict),
// and set() never moves it back; set_back() does, for a consumer that has lost what it took. All verbs may be called
// from any thread.

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
  result<void> set_back(std::string_view consumer, std::uint64_t size);
  result<void> forget(std::string_view consumer);
  result<std::map<std::string, std::uint64_t>> all() const;

 private:
  result<void> move(std::string_view consumer, std::uint64_t size, bool back);

  event_log* log_;
  std::mutex setting_;  // looking at a cursor and moving it are one step
};

}  // namespace longshore::log
