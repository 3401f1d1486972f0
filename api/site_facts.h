#pragma once

// What only the assembled site knows about itself, asked for when somebody wants to see it.

#include <optional>
#include <string>
#include <vector>

#include "engine/follower.h"
#include "engine/replicator.h"

namespace longshore::api {

// What was asked of a registry since the start.
struct host_figures {
  std::string name;  // host:port
  std::string as;    // "source" or "target"
  std::uint64_t requests = 0;
};

struct site_facts {
  std::string name, role, version;
  timestamp started;
  std::vector<std::string> warnings;                 // what an operator should hear of
  std::optional<engine::follower_status> following;  // a secondary's
  std::optional<engine::replicator_status> replicating;
  std::vector<host_figures> hosts = {};
};

}  // namespace longshore::api
