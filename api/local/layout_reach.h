#pragma once

// The manifests that the entries of a layout's index.json lead to, and what refers to each: kept up entry by entry, so
// that a change costs what it adds or takes away, not what is there.
//
// An entry holds its manifest, a manifest its children; what nobody holds any more is forgotten. The caller looks into
// manifests, which are read when they are first held, and whose facts must stay while they are; one that is not there
// (a sparse index) is held without being looked into, until arrived() says that it came.
// Pure but for what the caller's look does. Not thread-safe.

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "engine/descriptor.h"
#include "storage/env/result.h"

namespace longshore::api {

// What a manifest says, which its digest fixes.
struct manifest_facts {
  engine::descriptor self;
  std::optional<digest> subject;
  std::vector<engine::descriptor> children;
};

class layout_reach {
 public:
  // not_found: it is not there. Any other error is the damage.
  using look = std::function<result<const manifest_facts*>(const engine::descriptor&)>;

  // Once for each entry; release() for each that goes.
  void hold(const engine::descriptor& d, const look& into);
  void release(const digest& d);
  // Its content is there now.
  void arrived(const engine::descriptor& d, const look& into);

  // It is held, and there.
  bool contains(const digest& d) const;
  // In the order of their digests.
  std::vector<engine::descriptor> referrers(const digest& subject) const;
  // The last manifest that could not be looked into though it is there: what is below it is not known.
  const std::optional<error>& damage() const { return damage_; }

 private:
  struct node {
    std::size_t holders = 0;
    const manifest_facts* facts = nullptr;
  };
  void look_into(node& n, const engine::descriptor& d, const look& into, std::vector<engine::descriptor>& to_hold);
  void hold_all(std::vector<engine::descriptor> open, const look& into);

  std::map<digest, node> nodes_;
  std::map<digest, std::map<digest, engine::descriptor>> by_subject_;
  std::optional<error> damage_;
};

}  // namespace longshore::api
