#pragma once

// Asking a running site for an action by pattern (POST /v1/actions), for the commands that do.
//
// ask_action() prints the answer and returns how many items (for sync and retry: repositories) it is about, or the
// refusal, unprinted.

#include <cstdint>
#include <string>

#include "tools/online.h"

namespace longshore::tools {

struct action_target {
  std::string repository;   // a name or a pattern
  std::string tag, digest;  // a tag rule, or the digest of a manifest without a tag; neither: all of it
};

bool is_pattern(const std::string& repository);
result<std::uint64_t> ask_action(const invocation& call, const online_site& site, const std::string& action,
                                 const action_target& target, const std::string& reason);

}  // namespace longshore::tools
