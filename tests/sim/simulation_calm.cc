// The calm after the troubled part: everything comes to rest, is reconciled, and compared.

#include <algorithm>

#include "engine/manifest.h"
#include "storage/env/ensure.h"
#include "tests/sim/simulation.h"

namespace longshore::sim {

void simulation::check(const finding& found) {
  if (found && !failed()) breach(*found);
}

void simulation::check_mirror(engine::reconcile_mode by, bool allowed, bool verified) {
  if (failed()) return;
  check(check_settled(secondary_));
  check(check_mirrored(
      {source_, target_, secondary_, book_, refused_, by, drawn_.pushes.breaks_images, allowed, verified}));
}

void simulation::check_all() {
  check(check_primary_log(primary_.log(), acknowledged_));
  check(check_copy(primary_.log(), secondary_.log()));
  check_mirror(engine::reconcile_mode::digests, true);
  if (drawn_.tampers == 0) check(check_locations(target_, secondary_));
  if (drawn_.is_calm() && drawn_.target_mounts) check(check_sent_once(target_));
  if (seed_ % 8 != 0 && defect_ == defect::none) return;
  check(check_view(primary_.log(), primary_.seen()));
  check(check_view(primary_.journal_log(), primary_.looked()));
  check(check_view(secondary_.log(), secondary_.wanted()));
  check(check_view(secondary_.journal_log(), secondary_.done()));
  check(check_view(secondary_.journal_log(), secondary_.where()));
}

// What somebody did to the target behind our back: half of the worlds ask for a resync, the others for a verification.
bool simulation::mend_tampered() {
  if (drawn_.tampers == 0) return false;
  if (seed_ % 2 == 0) {
    mend_by_verifying(false);
    return true;
  }
  bool asked = false;
  for (const std::string& r : target_.repositories()) {
    if (!book_.is_tampered(r)) continue;
    note("resync " + r);
    secondary_.resync(r);
    asked = true;
  }
  return asked;
}

// What a verification finds is mended or parked, so that after a few there is nothing to find but what the log does not
// speak of. (What was judged with one item shows with the next that names it, when the first is parked.)
void simulation::mend_by_verifying(bool deep) {
  if (defect_ == defect::verifier_blind) return;
  constexpr int runs_max = 4;
  for (int n = 1; n <= runs_max; ++n) {
    note("verify");
    if (!secondary_.verify(deep)) return;
    come_to_rest(true);
    if (failed()) return;
    const engine::verify_run& v = secondary_.verified();
    const auto shown = [&] {
      if (!v.unknowns.empty()) return v.unknowns.front().repository + ": " + v.unknowns.front().reason;
      if (v.mismatches.empty()) return v.failure;
      return v.mismatches.front().repository + ":" + v.mismatches.front().what.tag + ": " +
             v.mismatches.front().what.reason;
    };
    if (v.running || !v.failure.empty() || v.unknown_repositories > 0) {
      return breach("the verification has not seen everything: " + shown());
    }
    if (v.mismatches_found == v.unclaimed) break;
    if (n == runs_max) return breach("what was found amiss is not mended: " + shown());
  }
}

void simulation::verify() {
  mend_by_verifying(chance(500));
  check_mirror(engine::reconcile_mode::digests, true, true);
  if (failed() || !profile_.source_lists_referrers || !profile_.copying.referrers) return;
  check(check_attached({source_, target_, secondary_, book_, refused_, engine::reconcile_mode::digests,
                        drawn_.pushes.breaks_images, true, true}));
}

// Of a tag that stands as it should.
std::optional<digest> simulation::a_blob_in_use() {
  for (const auto& i : items_of(secondary_.wanted())) {
    const auto done = secondary_.done().item(i.repository, i.ref);
    ensure(done.has_value(), "a memory database can be read");
    const bool stands = i.is_tag && !i.gone && *done && (*done)->state == engine::item_state::done && !(*done)->apart;
    const auto* const m = stands ? target_.manifest_at(i.repository, i.ref) : nullptr;
    if (m == nullptr || m->digest.text() != (*done)->digest) continue;
    const auto content = engine::parse_manifest(m->media_type, m->bytes);
    if (!content) continue;
    for (const engine::manifest_reference& r : content->references) {
      const bool there = r.as == engine::copy_as::blob && target_.blob(i.repository, r.target.digest) != nullptr;
      if (there) return r.target.digest;
    }
  }
  return std::nullopt;
}

// Who has it and is believed.
std::optional<std::string> simulation::believer_in(const digest& bad) {
  for (const std::string& name : target_.repositories()) {
    if (target_.blob(name, bad) == nullptr) continue;
    const auto done = secondary_.done().repository(name);
    ensure(done.has_value(), "a memory database can be read");
    // What the target has of its own is nobody's.
    const auto where = secondary_.where().holds(name, bad.text());
    ensure(where.has_value(), "a memory database can be read");
    if (*where && (!*done || (*done)->doubted == 0)) return name;
  }
  return std::nullopt;
}

bool simulation::is_any_doubted() {
  bool any = false;
  const auto read = secondary_.done().repositories([&](const engine::actual_repository& r) {
    any = any || r.doubted > 0;
    return true;
  });
  ensure(read.has_value(), "a memory database can be read");
  return any;
}

// As its registry's API does: the file stays, and is served again when the content comes back.
void simulation::delete_somewhere(const digest& blob) {
  for (const std::string& name : target_.repositories()) {
    if (target_.blob(name, blob) == nullptr || !chance(500)) continue;
    note("somebody deletes " + blob.text() + " from the target's " + name);
    target_.erase_blob(name, blob);
  }
}

// Bytes that go bad at rest are found by reading, and from then on by every run, until they are right again.
void simulation::check_doubts() {
  const auto bad = a_blob_in_use();
  if (!bad || defect_ == defect::verifier_blind) return;
  note("the target's bytes of " + bad->text() + " go bad");
  target_.corrupt_body(*bad);
  for (const bool deep : {true, false, false}) {
    if (!secondary_.verify(deep)) return;
    come_to_rest(true);
    if (failed()) return;
    const engine::verify_run& v = secondary_.verified();
    if (v.mismatches_found == v.unclaimed) return breach("bytes that went bad were not found");
    if (!is_any_doubted()) return breach("bytes that were found bad are not doubted");
    if (const auto name = believer_in(*bad)) return breach(*name + " has bytes that were found bad, and is believed");
    if (deep) delete_somewhere(*bad);
  }
  target_.mend_bodies();
  mend_by_verifying(false);
  if (!failed() && is_any_doubted()) breach("bytes that were read right are doubted still");
}

// At rest after it: what it found has come to the target, and what was settled otherwise than told was looked at again.
// A source without a tag where the log knows some must not be believed before somebody says that it is meant.
void simulation::reconcile(engine::reconcile_mode mode) {
  if (failed()) return;
  const std::vector<std::string> emptied = emptied_repositories();
  if (!emptied.empty() && !shows_a_tag()) {
    if (look_at_all(mode).empty() && !failed()) return breach("a source that shows no tag at all was believed");
    if (failed()) return;
    note("somebody says that the source is meant to be empty");
    primary_.looks().request(mode, emptied, "asked");
    come_to_rest(true);
  }
  const std::string why = look_at_all(mode);
  if (failed()) return;
  if (!why.empty()) return breach("the reconcile has not looked at everything: " + why);
  pass_time({clock_.now().us + profile_.sync.apart_look_ms * 1'000});
  come_to_rest(true);
}

// Why it was not complete; empty: it was.
std::string simulation::look_at_all(engine::reconcile_mode mode) {
  note("reconcile, mode " + std::string(engine::name_of(mode)));
  const timestamp since{clock_.now().us + 1};  // what ended until now is none of this
  pass_time(since);
  primary_.looks().request(mode, {}, "the end");
  come_to_rest(true);
  return failed() ? std::string() : primary_.incomplete(mode, since);
}

bool simulation::shows_a_tag() const {
  return std::ranges::any_of(source_.repositories(), [&](const std::string& r) { return !source_.tags(r).empty(); });
}

// Where the primary's log has a tag and the source has none.
std::vector<std::string> simulation::emptied_repositories() {
  std::set<std::string> emptied;
  for (const auto& i : items_of(primary_.seen())) {
    if (i.is_tag && !i.gone && source_.tags(i.repository).empty()) emptied.insert(i.repository);
  }
  return {emptied.begin(), emptied.end()};
}

// What is held back until somebody allows it stands at the target; once allowed, it goes.
void simulation::allow_what_is_held_back() {
  std::set<std::string> held;
  for (const auto& i : items_of(secondary_.wanted())) {
    const auto done = secondary_.done().item(i.repository, i.ref);
    ensure(done.has_value(), "a memory database can be read");
    if (*done && (*done)->state == engine::item_state::parked && (*done)->code == engine::code_over_ceiling) {
      held.insert(i.repository);
    }
  }
  out_.held_back += held.size();
  for (const std::string& r : held) {
    note("somebody allows the deletions in " + r);
    secondary_.allow_deletes(r);
  }
  if (!held.empty()) come_to_rest(true);
}

// What waits for a notification that was lost waits until the reconcile.
void simulation::come_to_rest(bool patiently) {
  constexpr std::int64_t some_hours_us = 4 * 3'600'000'000;
  const std::int64_t enough = clock_.now().us + some_hours_us;
  if (!primary_.up()) primary_.start();
  if (!secondary_.up()) secondary_.start();
  secondary_.primary_moved();
  const std::uint64_t limit = out_.steps + steps_max;
  while (!failed()) {
    if (!step_calmly() || (!patiently && clock_.now().us > enough)) return;
    if (++out_.steps > limit) breach("does not come to rest");
  }
}

// False when nothing is left to do.
bool simulation::step_calmly() {
  if (secondary_.can_step() && !chance(50)) {
    secondary_.step();
  } else if (pusher_.busy()) {
    pusher_.step();
  } else if (primary_.to().has_queued()) {
    primary_.to().commit_some(random_);
    secondary_.primary_moved();
  } else if (primary_.to().has_answers()) {
    primary_.to().answer_one();
  } else if (!network_.empty()) {
    deliver();
  } else if (primary_.can_step()) {
    primary_.step();
  } else if (secondary_.can_step()) {
    secondary_.step();
  } else if (secondary_.is_at_rest() && primary_.is_at_rest()) {
    return false;
  } else {
    const auto due = next_due();
    if (!due) {
      breach("is not at rest, and nothing is due");
      return false;
    }
    pass_time(std::max(*due, clock_.now()));
  }
  return true;
}

}  // namespace longshore::sim
