#include "api/local_reach.h"

#include "api/url.h"

namespace longshore::api {

local_reach reach_of(std::string_view registry_host, bool allow_local) {
  if (allow_local) return local_reach::all;
  return is_loopback_host(registry_host) ? local_reach::loopback : local_reach::none;
}

bool may_reach(local_reach reach, std::string_view host) {
  if (reach == local_reach::all || !is_local_host(host)) return true;
  return reach == local_reach::loopback && is_loopback_host(host);
}

}  // namespace longshore::api
