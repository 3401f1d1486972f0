#pragma once

// What only the assembled site knows about itself, asked for when somebody wants to see it.

#include <optional>
#include <string>
#include <vector>

#include "api/limits_view.h"
#include "engine/follower.h"
#include "engine/reconciler.h"
#include "engine/replicator.h"
#include "engine/verification.h"

namespace longshore::api {

// What verifications found: the last that was asked for, and what stands now, whoever asked.
struct verifying_facts {
  engine::verify_run last = {};         // without its lists
  std::uint64_t looks_by_itself = 0;    // of the schedule, since the start
  std::uint64_t not_compared = 0;       // repositories whose newest verification could not tell
  std::string first_not_compared = {};  // NAME (reason)
  std::int64_t every_ms = 0;            // of the schedule; 0: only when asked
  std::string broken_off = {};          // why the last run that was asked for ended before its end
};

struct site_facts {
  std::string name, role, version;
  timestamp started;
  std::vector<std::string> warnings;                 // what an operator should hear of
  std::optional<engine::follower_status> following;  // a secondary's
  std::optional<engine::replicator_status> replicating;
  std::vector<host_limits_view> registries = {};
  std::vector<engine::reconciler_status> reconciling = {};  // a primary's, by source
  std::string verifying_halted = {};                        // why nothing is verified by itself any more
  std::string target_suspected = {};                        // why the target may have lost content
  verifying_facts verifying = {};
  std::vector<std::string> followers = {};  // who may follow it, as configured
  std::string unable = {};  // why it cannot do its work at all, besides what others do not let it; empty: it can
};

}  // namespace longshore::api
