#pragma once

// How far a secondary's target is behind, in time: the age of the oldest event that is not settled.
//
// oldest_open() reads both views, as far as the first open item of each repository that is not in sync, and counts a
// bounded number of open items: for a thread that may block. lag_of() is pure.

#include <functional>
#include <optional>
#include <string>

#include "engine/actual.h"
#include "engine/desired.h"
#include "engine/follower.h"
#include "log/event_log.h"

namespace longshore::engine {

struct open_work {
  std::string repository, ref;
  event_seq seq;
  timestamp since;               // when the log took the event
  std::uint64_t open_items = 1;  // it and those after it, as far as they were counted
  bool more = false;             // there may be more
};

// selects: which repositories count; null: all.
result<std::optional<open_work>> oldest_open(const desired& wanted, const actual& done, const log::event_log& log,
                                             const std::function<bool(std::string_view)>& selects);

struct replication_lag {
  std::optional<open_work> oldest;
  std::uint64_t events = 0;  // of the primary's log that are not settled, or not even here
  double seconds = 0;
};
// What is not here yet counts from when this copy last was the whole log; where it never was, from when this process
// began to follow.
replication_lag lag_of(std::optional<open_work> oldest, const follower_status& following, timestamp now);

}  // namespace longshore::engine
