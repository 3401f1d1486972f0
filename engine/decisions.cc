#include "engine/decisions.h"

#include <algorithm>

#include "engine/failure.h"

namespace longshore::engine {

bool is_open(const desired_item& wanted, const std::optional<actual_item>& done) {
  if (!done) return true;
  const bool settled = done->done_size > wanted.seq.value;
  const bool let_be = done->state == item_state::parked || done->state == item_state::skipped;
  return !settled && !(let_be && done->tried_size > wanted.seq.value);
}

bool was_tried(const desired_item& wanted, const std::optional<actual_item>& done) {
  return done && done->tried_size > wanted.seq.value;
}

bool is_nowhere(const desired_item& wanted, const actual_item& done) { return wanted.gone && done.digest.empty(); }

bool may_be_early(const desired_item& wanted, const std::optional<actual_item>& done, timestamp now,
                  std::int64_t recent_us) {
  if (wanted.gone) return false;
  if (wanted.occurred.us == 0) return !was_tried(wanted, done);  // its age is not known
  // The registry's clock may differ from ours in either direction.
  const std::int64_t age = now.us - wanted.occurred.us;
  return age < recent_us && age > -recent_us;
}

tag_step decide_tag(const desired_item& wanted, const std::optional<longshore::digest>& shown, bool early,
                    int looks_left) {
  const bool as_told = shown && (wanted.digest.empty() || shown->text() == wanted.digest);
  if (as_told || !early) return shown ? tag_step::publish : tag_step::remove;
  return looks_left > 0 ? tag_step::look_again : tag_step::fail;
}

removal_decision decide_removal(const longshore::digest& d, const removal_facts& facts) {
  if (facts.source_has_manifest) {
    return {removal_step::park,
            "the target can delete a tag only together with its manifest, and the source still serves " + d.text()};
  }
  for (const sharing_tag& other : facts.sharing) {
    if (!other.left_alone.empty()) {
      return {removal_step::park, "tag " + other.tag + " at the target needs " + d.text() + " and is left alone (" +
                                      other.left_alone + ")"};
    }
    if (!other.in_log) {
      return {removal_step::park, "tag " + other.tag + " at the target needs " + d.text() +
                                      " and does not come from the source; delete it there, then ask for a resync"};
    }
    if (other.held) {
      return {removal_step::hold, "tag " + other.tag + " at the target needs " + d.text() + " and is held back itself"};
    }
    if (!other.at_source && !other.includes) continue;  // gone as well: it goes with it
    if (other.as_at_source) {
      return {removal_step::park, "tag " + other.tag + " of the source still needs " + d.text() +
                                      ", which the source itself has no longer; delete or push the tag there"};
    }
    if (other.parked) {
      return {removal_step::park,
              "tag " + other.tag + ", which is parked itself, needs " + d.text() + " at the target"};
    }
    // The target's tag lags behind: once it is published anew, the digest is free.
    return {removal_step::fail, "tag " + other.tag + " still needs " + d.text() + " at the target"};
  }
  return {removal_step::erase, {}};
}

bool is_over(std::uint64_t removals, std::uint64_t tags_at_target, const deletion_ceiling& c) {
  if (removals == 0 || tags_at_target < c.tags_min) return false;
  return static_cast<double>(removals) > c.share_max * static_cast<double>(tags_at_target);
}

bool loses_too_much_untold(const removal_weight& w, const deletion_ceiling& c) {
  return static_cast<double>(w.untold()) > c.share_max * static_cast<double>(w.stays + w.untold());
}

bool weighs(const desired_item& wanted, const std::optional<actual_item>& done) {
  if (!wanted.gone || is_open(wanted, done)) return true;
  return done->state == item_state::parked && done->code == code_over_ceiling;
}

bool is_told(const desired_item& wanted) { return wanted.gone && !wanted.observed; }

bool was_missing(const desired_item& wanted, const std::optional<actual_item>& done) {
  return was_tried(wanted, done) && done->code == name_of(errc::not_found);
}

item_state state_after(const error& e, bool missing_before) {
  return remedy_for(e.code, missing_before) == remedy::park ? item_state::parked : item_state::failed;
}

pass_verdict decide_pass(const pass_tally& tally, const std::optional<actual_repository>& before, timestamp now,
                         const backoff_policy& policy, random_source& random) {
  pass_verdict v;
  if (tally.failed == 0 && !tally.cut_short) {
    v.synced = true;
    v.synced_size = tally.until;
    return v;
  }
  v.retry_count = (before ? before->retry_count : 0) + 1;
  v.retry_at = {now.us + 1'000 * backoff_ms(policy, v.retry_count, random, tally.retry_after_ms)};
  v.reason = tally.failed > 0 ? tally.first_failure : "more was opened again than one pass takes up";
  if (tally.failed > 1) v.reason = std::to_string(tally.failed) + " items failed; first: " + v.reason;
  return v;
}

}  // namespace longshore::engine
