#include "engine/copy_routes.h"

#include <algorithm>
#include <iterator>

namespace longshore::engine {

std::map<std::string, copy_route> merged(std::vector<copy_route> routes) {
  std::map<std::string, copy_route> by_name;
  for (copy_route& route : routes) {
    copy_route& mine = by_name[route.repository];
    mine.repository = route.repository;
    mine.and_all_tags |= route.takes_all_tags();
    std::ranges::move(route.refs, std::back_inserter(mine.refs));
  }
  for (auto& [name, route] : by_name) {
    std::ranges::sort(route.refs);
    const auto again = std::ranges::unique(route.refs);
    route.refs.erase(again.begin(), again.end());
  }
  return by_name;
}

}  // namespace longshore::engine
