#pragma once

// What a one-shot copy is to bring, by repository of the target. Pure.

#include <compare>
#include <map>
#include <string>
#include <vector>

namespace longshore::engine {

struct copy_ref {
  std::string source, target;  // tag or digest at either end
  auto operator<=>(const copy_ref&) const = default;
};

struct copy_route {
  std::string repository;      // at the target; the world's source knows where it comes from
  std::vector<copy_ref> refs;  // empty: every tag the source lists
  bool and_all_tags = false;   // every tag the source lists, besides refs
  bool takes_all_tags() const { return and_all_tags || refs.empty(); }
};

// One route for each repository: who asks for all tags gets them, whatever others name, and nobody gets a ref twice.
std::map<std::string, copy_route> merged(std::vector<copy_route> routes);

}  // namespace longshore::engine
