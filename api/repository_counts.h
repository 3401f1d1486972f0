#pragma once

// How many repositories are in which state. Reads both views whole: for a thread that may block.

#include <array>
#include <cstdint>
#include <numeric>
#include <string>

#include "engine/repository_state.h"

namespace longshore::api {

struct repository_counts {
  std::array<std::uint64_t, 5> by_state{};                        // indexed by engine::sync_state
  std::uint64_t parked = 0, failed = 0, skipped = 0, sparse = 0;  // items
  // Repositories with which something is the matter, in whatever state they are, and of which kind; the first is an
  // example. One that fails may be of another kind, too.
  struct kind {
    std::uint64_t repositories = 0;
    std::string first;
  };
  std::uint64_t troubled = 0;
  kind doubted;         // with wrong bytes at the target
  kind differing;       // left amiss by a verification
  kind failing;         // their last pass failed, or some item of them, though they may be tried again now
  std::string failure;  // of the first of these
  std::uint64_t skipped_doubted = 0;  // left out, and with wrong bytes at the target
  std::uint64_t verified = 0;         // repositories found equal and whole at some time, those left out not counted
  std::uint64_t mismatches = 0;       // found since
  timestamp oldest_verified;          // of those verified
  std::uint64_t total() const { return std::accumulate(by_state.begin(), by_state.end(), std::uint64_t{0}); }
  std::uint64_t of(engine::sync_state s) const { return by_state[static_cast<std::size_t>(s)]; }
};

inline constexpr std::array all_sync_states{engine::sync_state::pending, engine::sync_state::started,
                                            engine::sync_state::synced, engine::sync_state::failed,
                                            engine::sync_state::skipped};

// The rule by which this site leaves a repository out, if any; null: it leaves none out. Called on any thread.
using repository_filter = std::function<std::optional<std::string>(std::string_view)>;

result<repository_counts> count_repositories(const engine::desired& wanted, const engine::actual& done,
                                             const repository_filter& left_out);

// Calls visit for each repository of the log, with its state, in name order; false ends it.
result<void> each_repository(const engine::desired& wanted, const engine::actual& done,
                             const repository_filter& left_out,
                             const std::function<bool(const engine::repository_state&)>& visit);

}  // namespace longshore::api
