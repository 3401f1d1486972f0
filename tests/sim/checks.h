#pragma once

// What must hold when everything has come to rest after a reconcile. Each returns the first breach it finds.

#include <optional>
#include <set>
#include <string>

#include "tests/sim/sites.h"

namespace longshore::sim {

// Of all repositories.
std::vector<engine::desired_item> items_of(engine::desired& wanted);

using finding = std::optional<std::string>;

// Dense, each id once, and nothing that was acknowledged is missing.
finding check_primary_log(log::event_log& log, const std::set<std::string>& acknowledged);
// Byte for byte the primary's.
finding check_copy(log::event_log& primary, log::event_log& copy);
// The same bytes when it is folded anew.
finding check_view(log::event_log& log, log::view& v);
// A repository that is called synced has nothing open; at rest, each is.
finding check_settled(secondary_site& site);
// Repository and reference of what fails each time.
using lasting = std::set<std::pair<std::string, std::string>>;
struct others {
  const memory_registry& source;
  const memory_registry& target;
  secondary_site& site;
  const ledger& book;
  const lasting& stuck;
  const lasting& refused;
};
// What one reference fails with stops no other: the tags that the log knows as the source has them, and that need
// nothing of what fails, stand at the target. Where somebody changed the target, nobody has looked yet.
finding check_others(const others& o);
struct mirror {
  const memory_registry& source;
  const memory_registry& target;
  secondary_site& site;
  const ledger& book;
  const lasting& refused;     // by the target: what needs it is parked
  engine::reconcile_mode by;  // of the reconcile before it
  // The source had images in pieces for a while: tags of it, too, may be parked.
  bool was_broken = false;
  // What was held back until somebody allows it has been allowed.
  bool allowed = false;
  // After a verification: only that finds a manifest without a tag that came back to the source untold.
  bool verified = false;
};
// Each tag of the source stands at the target, whole; the target has no other but those that are parked, or foreign.
// A reconcile that compares no digests cannot see that a tag has moved: where the log itself has another digest than
// the source, any stands for the tag.
finding check_mirrored(const mirror& m);
// What is attached to an image that both have stands at the target, too.
finding check_attached(const mirror& m);
// What is recorded to be at the target is there.
finding check_locations(const memory_registry& target, secondary_site& site);
// No blob was uploaded twice.
finding check_sent_once(const memory_registry& target);

}  // namespace longshore::sim
