#pragma once

// What to do, given what is known. Plain functions: no clock, no I/O, no coroutine; the doers ask and obey.

#include <optional>
#include <string>
#include <vector>

#include "engine/actual.h"
#include "engine/backoff.h"
#include "engine/desired.h"
#include "storage/digest.h"

namespace longshore::engine {

// Not settled for the newest event that spoke of it, by publishing, removing, parking or skipping.
bool is_open(const desired_item& wanted, const std::optional<actual_item>& done);
// An earlier attempt at this very event failed.
bool was_tried(const desired_item& wanted, const std::optional<actual_item>& done);
// Gone at the source, and not at the target through this site: what left it out leaves nothing out any more.
bool is_nowhere(const desired_item& wanted, const actual_item& done);
// The event may be ahead of the tag it speaks of: registries notify before they write the tag. However often it was
// tried: what is settled against the log's word is not looked at again, so the word must have had its time.
bool may_be_early(const desired_item& wanted, const std::optional<actual_item>& done, timestamp now,
                  std::int64_t recent_us);

enum class tag_step : std::uint8_t {
  publish,     // what the source shows now
  look_again,  // soon
  fail,        // try in a later pass
  remove       // the source has it no longer
};
// shown: what the source's tag names now. early: may_be_early(); looks_left: how many quick looks remain.
tag_step decide_tag(const desired_item& wanted, const std::optional<longshore::digest>& shown, bool early,
                    int looks_left);

// Another tag at the target that has (or includes) the digest whose deletion is considered.
struct sharing_tag {
  std::string tag;
  bool in_log = false;                         // the log speaks of it
  std::optional<longshore::digest> at_source;  // what the source's tag of that name is now; none: gone
  bool as_at_source = false;                   // the target's tag is what the source's is
  bool includes = false;                       // it is not at the digest, but at an index that includes it
  bool parked = false;                         // its own removal is
  bool held = false;                           // it stays though the source has it no longer, until it is asked for
  std::string left_alone = {};                 // the rule by which it is none of ours; empty: it is
};
struct removal_facts {
  bool source_has_manifest = false;  // the source still serves the digest
  std::vector<sharing_tag> sharing;  // complete, or nothing may be decided
};
enum class removal_step : std::uint8_t {
  erase,
  park,
  hold,  // parked until what holds it is let go
  fail
};
struct removal_decision {
  removal_step step = removal_step::park;
  std::string reason;
};
// May the manifest be deleted by digest at the target, in place of its tag or for its own sake?
removal_decision decide_removal(const longshore::digest& d, const removal_facts& facts);

// How much of a repository may go from the target without being asked.
struct deletion_ceiling {
  double share_max = 0.5;       // of the tags that the target has there; 1: there is no ceiling
  std::uint64_t tags_min = 10;  // a repository with fewer has none
};
bool is_over(std::uint64_t removals, std::uint64_t tags_at_target, const deletion_ceiling& c);

// What following the source's whole listing would mean for the target, whichever of it this pass is about. What is
// parked for another reason than being held back, or was kept, does not go and does not weigh.
struct removal_weight {
  std::uint64_t removals = 0;        // tags that would go, because the source does not list them
  std::uint64_t told = 0;            // of these: the registry itself told of their deletion
  std::uint64_t stays = 0;           // tags that both have
  std::uint64_t tags_at_target = 0;  // all of them, also the target's own

  std::uint64_t untold() const { return removals - told; }
};
// More than the share of what the log says the source has would go without the registry's own word, in a repository of
// any size: it may have come back without its data.
bool loses_too_much_untold(const removal_weight& w, const deletion_ceiling& c);
// Whether an item that is gone at the source weighs: it is open, or held back.
bool weighs(const desired_item& wanted, const std::optional<actual_item>& done);
// The registry itself told of this deletion.
bool is_told(const desired_item& wanted);

// An earlier attempt at this very event failed because content was missing; not because of anything else.
bool was_missing(const desired_item& wanted, const std::optional<actual_item>& done);
// What an item that failed becomes: failed (to be tried again) or parked.
item_state state_after(const error& e, bool missing_before);

struct pass_tally {
  std::uint64_t until = 0;  // items below this seq were looked at
  std::uint64_t failed = 0;
  bool cut_short = false;  // not all were looked at
  std::string first_failure;
  std::int64_t retry_after_ms = 0;  // the longest that a registry asked for
};
// The record that ends a pass.
struct pass_verdict {
  bool synced = false;
  std::uint64_t synced_size = 0;
  std::string reason;
  timestamp retry_at;
  std::uint64_t retry_count = 0;
};
pass_verdict decide_pass(const pass_tally& tally, const std::optional<actual_repository>& before, timestamp now,
                         const backoff_policy& policy, random_source& random);

}  // namespace longshore::engine
