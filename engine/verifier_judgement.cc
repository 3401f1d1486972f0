// What verifying makes of what it saw: which tags are judged, and what is found amiss with them.

#include "engine/decisions.h"
#include "engine/verifier.h"

namespace longshore::engine {
namespace {

using question = unserved_item::question;

}  // namespace

// Open items are the passes' business, parked ones the operator's; what the target keeps on purpose is no difference.
bool verifier::is_judged(const tag_look& look) {
  const bool keeps = world_->settings.deletes == delete_mode::keep && !look.source;
  if (!look.wanted) {
    const auto rule = world_->copying.filter->tag(look.tag);
    if (rule) ++verdict_.skipped, leave_out(look.tag, "left out: " + *rule);
    return !rule && !keeps;
  }
  const bool parked = look.done && look.done->state == item_state::parked;
  if (is_open(*look.wanted, look.done)) {
    ++verdict_.unsettled;
    leave_out(look.tag, "still being synced");
    return false;
  }
  if (look.done && look.done->state == item_state::skipped) {  // by a filter or an operator
    ++verdict_.skipped;
    leave_out(look.tag, "left out: " + (look.done->reason.empty() ? look.done->code : look.done->reason));
    return false;
  }
  if (parked) {
    ++verdict_.parked;
    leave_out(look.tag, "parked: " + look.done->reason);
    return false;
  }
  return !keeps;
}

// Not compared, whatever the source shows.
bool verifier::is_left_out(const tag_look& look) const {
  if (!look.wanted) return world_->copying.filter->tag(look.tag).has_value();
  if (is_open(*look.wanted, look.done)) return false;
  return look.done && (look.done->state == item_state::skipped || look.done->state == item_state::parked);
}

void verifier::leave_out(std::string ref, std::string why) {
  if (verdict_.left_out.size() < settings_->unjudged_max) verdict_.left_out.push_back({std::move(ref), std::move(why)});
}

std::vector<tag_mismatch> verifier::compared(const tag_look& look, const closure_faults& below) const {
  if (look.is_tag) return compare(look.tag, look.source, look.target, below.faults);
  return compare_manifest(*longshore::digest::parse(look.tag), look.source.has_value(), look.target.has_value(),
                          below.faults);
}

task<> verifier::judge(tag_look& look, tag_looks& whole) {
  if (look.trouble) {
    const bool shown = is_judged(look) && look.unserved;
    // The target's answer is all that the checksum asks for.
    if (!look.unserved && is_left_out(look)) {
      if (look.is_tag && look.target) sum_.add(look.tag, look.target->text());
      co_return result<void>();
    }
    note_unanswered(look.tag, *look.trouble,
                    shown ? std::optional(unserved_item{question::reference, look.tag}) : std::nullopt);
    co_return result<void>();
  }
  auto seen = co_await faults_below(look);
  if (!seen) co_return co_await without(look, seen.error());
  closure_faults below = *std::move(seen);
  if (look.is_tag && look.target) sum_.add(look.tag, look.target->text());
  if (look.is_tag && look.source && !source_lists_.contains(look.tag)) unlisted_.push_back(look.tag);
  auto amiss = compared(look, below);
  if (amiss.empty() && below.unknown.empty()) {
    note_judged(below);
    const bool ours = look.wanted && look.target && look.done && look.done->state == item_state::done &&
                      look.done->digest == look.target->text();
    // Said once, until it is published anew or found amiss: the repository's own record says when all were looked at.
    const bool is_news = ours && (look.done->verified_at.us == 0 || look.done->amiss);
    if (is_news) whole.push_back(look);
    co_return result<void>();
  }
  if (!is_judged(look)) co_return result<void>();
  if (!below.unknown.empty()) {
    const content_key& first = below.unknown.front();
    const question asked = first.as_manifest ? question::manifest : question::blob;
    const bool unserved = unserved_.contains(first.digest);
    note_unanswered(look.tag, unanswered_.at(first),
                    unserved ? std::optional(unserved_item{asked, first.digest.text()}) : std::nullopt);
    if (amiss.empty()) co_return result<void>();
  }
  auto stands = co_await still_stands(look);
  if (!stands) co_return co_await without(look, stands.error());
  if (*stands && !below.faults.empty()) {
    if (auto looked = co_await forget_arrived(below); !looked) co_return co_await without(look, looked.error());
    amiss = compared(look, below);
  }
  if (!*stands || amiss.empty()) {
    ++verdict_.unsettled, ++verdict_.changing;
    leave_out(look.tag, "it changed while it was looked at; verify again");
    co_return result<void>();
  }
  note_judged(below);
  find(look, below, std::move(amiss));
  co_return result<void>();
}

// Those that count for the item.
task<closure_faults> verifier::faults_below(const tag_look& look) {
  closure_faults below;
  if (!look.target || look.source != look.target) co_return below;
  below = faults_of(*look.target, found_);
  if (below.faults.empty()) co_return below;
  if (auto read = co_await read_sizes(below); !read) co_return pass(std::move(read));
  below = faults_of(*look.target, found_);
  if (auto looked = co_await forget_unmissed(below); !looked) co_return pass(std::move(looked));
  std::vector<fault>& faults = below.faults;
  if (faults.size() > settings_->faults_max) {
    faults.erase(faults.begin() + static_cast<std::ptrdiff_t>(settings_->faults_max), faults.end());
  }
  co_return below;
}

void verifier::note_judged(const closure_faults& below) {
  if (below.forgotten) {
    judged_.insert(below.manifests.front());
    return;
  }
  judged_.insert(below.manifests.begin(), below.manifests.end());
  for (const fault& f : below.faults) {
    if (f.kind == difference::missing_manifest || found_.contains({f.of, true})) judged_.insert(f.of);
  }
}

void verifier::find(const tag_look& look, const closure_faults& below, std::vector<tag_mismatch> amiss) {
  if (look.wanted) {
    verify_verdict::finding f{*look.wanted, look.done, amiss.front().kind, amiss.front().reason, {}};
    if (amiss.size() > 1) f.reason += ", and " + std::to_string(amiss.size() - 1) + " more";
    // The manifests above what is missing, too: one that is believed to be there is not walked.
    for (const fault& b : below.faults) f.lost.push_back(b.of);
    if (!below.faults.empty()) f.lost.insert(f.lost.end(), below.manifests.begin(), below.manifests.end());
    if (look.source && !look.target) f.lost.push_back(*look.source);
    for (const tag_mismatch& m : amiss) {
      if (m.kind == difference::wrong_bytes || m.kind == difference::wrong_size) ++verdict_.kept_by_target;
      if (m.kind == difference::extra_tag) ++verdict_.not_at_source;
    }
    verdict_.findings.push_back(std::move(f));
  } else {
    for (tag_mismatch& m : amiss) {
      m.reason += look.source ? "; the log does not speak of this tag: longshore reconcile at the primary makes it"
                              : "; neither the log nor the source speaks of this tag: delete it, or filter it out";
    }
    if (!look.source && verdict_.unclaimed == verdict_.ahead) {
      verdict_.unclaimed_reason = look.tag + ": " + amiss.front().reason;
    }
    verdict_.unclaimed += amiss.size();
    if (look.source) verdict_.ahead += amiss.size();
  }
  verdict_.found += amiss.size();
  const bool is_named = look.wanted || verdict_.unclaimed <= settings_->unjudged_max;
  for (tag_mismatch& m : amiss) {
    if (is_named && verdict_.mismatches.size() < settings_->mismatches_max) verdict_.mismatches.push_back(std::move(m));
  }
}

}  // namespace longshore::engine
