#pragma once

// What operators ask of a secondary, by repository and tag: to go over it anew, to leave it out, to try what is parked,
// to try now.
//
// Each verb returns when its records are durable and the work is scheduled; the count says how many items it is about
// (repositories, for those that know no items). Running passes obey at once, item by item: what an operator leaves out
// is not begun any more, and what is under way then may still be published, but does not fail. Tags are rules
// (tag_rule); none given: every item. For the engine's executor; any number of calls beside each other.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/replicator.h"

namespace longshore::engine {

enum class operator_verb : std::uint8_t {
  resync,  // forget what is known to be done there
  skip,    // settle what is open, until a newer event speaks of it or it is opened again
  unpark,  // open what is parked or was skipped on request
  retry    // a repository that waits for its retry is due now
};
std::optional<operator_verb> operator_verb_of(std::string_view name);

struct operator_request {
  operator_verb verb = operator_verb::retry;
  std::vector<std::string> repositories;  // names
  std::vector<tag_rule> tags;             // skip and unpark
  std::string reason;                     // skip
  std::vector<std::string> digests = {};  // skip and unpark: manifests without a tag
};

class operator_actions {
 public:
  operator_actions(const sync_world& world, replicator& schedule) : world_(&world), schedule_(&schedule) {}
  task<std::uint64_t> carry_out(operator_request r);

 private:
  task<std::uint64_t> one(const operator_request& r, std::string repository);
  task<std::uint64_t> write(std::string repository, std::vector<log::event> records, std::uint64_t count);
  result<std::vector<log::event>> skips(const operator_request& r, const std::string& repository) const;
  result<std::vector<log::event>> unparks(const operator_request& r, const std::string& repository) const;

  const sync_world* world_;
  replicator* schedule_;
};

}  // namespace longshore::engine
