#pragma once

// Registry tokens that a site signs itself with the key it shares with the registry, the way GitLab Geo does: no
// token service is asked. Distribution's docs/spec/auth/jwt.md; claims as GitLab's lib/json_web_token.
//
// A token allows pulling only (and reading the catalogue, when that scope is asked for), whatever actions a scope
// names. Pure but for the random jti.

#include <memory>
#include <string>
#include <vector>

#include "api/signing_key.h"
#include "storage/env/clock.h"

namespace longshore::api {

struct shared_key {
  std::shared_ptr<const signing_key> key;
  std::string issuer;                          // must equal the registry's auth.token.issuer
  std::string service = "container_registry";  // must equal the registry's auth.token.service
  std::int64_t lifetime_s = 300;
  std::string kid;  // empty: the key's libtrust fingerprint
};

// Scopes as "repository:NAME:actions" or "registry:catalog:*"; others are left out.
result<std::string> pull_token(const shared_key& with, const std::vector<std::string>& scopes, timestamp now);

}  // namespace longshore::api
