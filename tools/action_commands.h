#pragma once

// Asking a running site for an action by pattern (POST /v1/actions), for the commands that do.
//
// ask_action() prints the answer and returns how many items (for sync and retry: repositories) it is about, or the
// refusal, unprinted.

#include <cstdint>
#include <string>

#include "tools/online.h"

namespace longshore::tools {

bool is_pattern(const std::string& repository);
result<std::uint64_t> ask_action(const invocation& call, const online_site& site, const std::string& action,
                                 const std::string& repository, const std::string& tag, const std::string& reason);

}  // namespace longshore::tools
