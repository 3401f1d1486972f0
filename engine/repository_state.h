#pragma once

// What an operator is told about a repository: the desired and the actual view put together. Pure.
//
// A repository is synced only when no item of the log is open there: one that has newer items than were settled
// is pending again, whatever the last pass said.

#include <optional>

#include "engine/actual.h"
#include "engine/desired.h"

namespace longshore::engine {

struct repository_state {
  std::string name;
  sync_state state = sync_state::pending;
  std::uint64_t retry_count = 0;
  std::string last_sync_failure;
  timestamp retry_at, last_synced_at, created_at;
  std::optional<event_seq> synced_seq;  // every item at or below it is settled
  std::optional<event_seq> newest_seq;  // the newest item the log speaks of
  std::uint64_t parked = 0, failed = 0, skipped = 0, sparse = 0;
  std::uint64_t doubted = 0;     // contents there with wrong bytes; also where the whole repository is left out
  std::string skipped_by;        // the rule that leaves the whole repository out; empty: none does
  timestamp verified_at;         // when all that is settled was last found equal and whole
  std::uint64_t mismatches = 0;  // found since all of it was
  std::string pass_failure;      // of last_sync_failure, what the last pass said
  std::uint64_t amiss = 0;       // of these, left as they were by the last verification
};

repository_state state_of(const desired_repository& wanted, const std::optional<actual_repository>& done);
// Something is the matter with what this site brings there, whatever is being done about it just now.
bool is_failing(const repository_state& s);  // its last pass failed, or some item of it: tried again
bool is_troubled(const repository_state& s);
// As told when a filter leaves the repository out; what was done there before is still shown, but for what was not: it
// is not tried.
repository_state skipped_by(repository_state s, std::string rule);

}  // namespace longshore::engine
