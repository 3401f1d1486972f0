#pragma once

// What a registry may be shown, and where it comes from. Values; never logged.

#include <functional>
#include <optional>
#include <string>

#include "engine/registry.h"

namespace longshore::api {

struct credential {
  std::string username, password;
  std::string identity_token;  // an OAuth 2 refresh token, for the token service
  std::string registry_token;  // a bearer token for the registry, verbatim
};

// Asked whenever credentials are needed anew. None: go on without. A failure is passed on.
using credential_source =
    std::function<engine::task<std::optional<credential>>(std::string host, std::string repository)>;

}  // namespace longshore::api
