#pragma once

// Taking one item away from the target, where nothing that should stay is harmed (DESIGN promises 7 and 8).
//
// The caller has asked the source, which has it no longer; beyond that, nothing is deleted before a complete listing
// of the source's tags lacks the tag (listed once, when first needed). A tag goes by its name; where the target cannot
// do that, by its digest, and only when the source does not serve that manifest any more and no other tag of the target
// has or includes it - known from a complete listing. Otherwise errc::unsupported (to be parked) or errc::conflict (try
// again), with the reason; where a tag that is held back needs the digest, it is held back with it. The records say
// what became known and are the caller's to journal: what went along with a digest is among them. remove() calls may
// not run beside each other, nor beside publications of the same repository.

#include <string>
#include <utility>
#include <vector>

#include "engine/decisions.h"
#include "engine/sync_world.h"
#include "engine/tag_contents.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

class removal {
 public:
  removal(const sync_world& world, std::string repository) : world_(&world), repository_(std::move(repository)) {}

  task<std::vector<log::event>> remove(desired_item item);
  // Fails when the tags of the source or of the target cannot be listed whole.
  task<removal_weight> weigh();
  // What was learned about the target's tags is out of date: something was published.
  void forget() { tags_.reset(); }
  // From now on, what the registry itself did not tell of is not taken along either.
  void hold_untold() { hold_untold_ = true; }
  // Whether a tag that had been settled was opened again since the last such question.
  bool take_reopened() { return std::exchange(reopened_, false); }

 private:
  task<std::vector<log::event>> remove_tag(desired_item item, longshore::digest d);
  task<std::vector<log::event>> remove_digest(desired_item item, longshore::digest d);
  task<> list_source();
  result<std::optional<desired_item>> ours_at(const std::string& tag) const;
  task<removal_facts> facts_about(longshore::digest d, std::string except_tag);
  task<sharing_tag> facts_about_tag(tag_content other, longshore::digest d);
  result<std::vector<log::event>> gone_with(const desired_item& item, const longshore::digest& d);

  const sync_world* world_;
  std::string repository_;
  std::optional<std::vector<tag_content>> tags_;
  std::optional<tag_names> source_tags_;
  bool hold_untold_ = false, reopened_ = false;
};

}  // namespace longshore::engine
