#pragma once

// What only the assembled site knows about itself, asked for when somebody wants to see it.

#include <optional>
#include <string>
#include <vector>

#include "api/limits_view.h"
#include "engine/follower.h"
#include "engine/reconciler.h"
#include "engine/replicator.h"

namespace longshore::api {

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
};

}  // namespace longshore::api
