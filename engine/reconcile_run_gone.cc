// What a run makes of repositories that have lost most of their tags, or that the source does not show at all.

#include <algorithm>

#include "engine/reconcile_records.h"
#include "engine/reconcile_run.h"

namespace longshore::engine {
namespace {

constexpr std::uint64_t known_min = 4;  // of fewer, the loss of more than half is no sign by itself
constexpr std::int64_t missed_us_max = 86'400'000'000;

}  // namespace

// Another source's, as far as anybody knows: that it is not here says nothing.
void reconcile_run::note_not_here(std::size_t i) {
  failures_in_a_row_ = 0;
  heard_ = true;
  ++record_.counts.done;
  done_[i] = true;
  advance();
}

void reconcile_run::note_vanished(std::size_t i) {
  vanished_.push_back(i);
  heard_ = true;
  failures_in_a_row_ = 0;
  // Of few, whether the others still show tags is known at the end only.
  if (known_ >= known_min && has_vanished_too_much()) distrust();
}

bool reconcile_run::has_vanished_too_much() const {
  return 2 * vanished_.size() > known_ && (known_ >= known_min || !any_tag_);
}

void reconcile_run::distrust() {
  distrusted_ = "the source has lost most tags in " + std::to_string(vanished_.size()) + " of the " +
                std::to_string(known_) + " known repositories looked at, among them " + todo_[vanished_.front()] +
                ": has it lost its data? Nothing was recorded of that. If it is meant, name them: `longshore reconcile "
                "REPOSITORY...`";
}

// One that nobody has looked at for long was taken out of the configuration.
bool reconcile_run::is_another(const reconciled_source& s) const {
  if (s.name == world_->name) return false;
  const std::int64_t lately_us = std::max(missed_us_max, 2 * world_->settings.every_ms * 1'000);
  return s.open || (s.last && world_->now.now().us - s.last->ended.us <= lately_us);
}

// Where other sources have registries, too: one of them was seen to have its tags after this one was. A row is older
// than that only where nothing was found meanwhile.
result<bool> reconcile_run::has_moved(const std::string& name) const {
  if (world_->settings.sole) return false;
  auto ours = world_->looked.repository(world_->name, name);
  if (!ours) return pass(std::move(ours));
  bool moved = false;
  result<void> looked;
  auto read = world_->looked.sources([&](const reconciled_source& s) {
    if (!is_another(s)) return true;
    auto theirs = world_->looked.repository(s.name, name);
    if (!theirs) looked = pass(std::move(theirs));
    if (!looked) return false;
    const bool have = *theirs && (*theirs)->tags > 0;
    moved = have && (!*ours || (*ours)->tags == 0 || (*ours)->at < (*theirs)->at);
    return !moved;
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  return moved;
}

void reconcile_run::leave(const std::string& name) {
  to_journal_.push_back(record::repository_left(world_->name, record_.run, name));
}

// Of one that has tags: its row says that it had none, and would make its next miss the second.
result<bool> reconcile_run::is_back(const std::string& name) const {
  if (world_->settings.sole) return false;
  auto row = world_->looked.repository(world_->name, name);
  if (!row) return pass(std::move(row));
  return *row && (*row)->tags == 0;
}

// Where this source was the only one, all of them. Else one that its catalog has no more may be another's now, which
// nobody has looked at yet: it is gone once they all were since, or after a day.
task<std::vector<std::size_t>> reconcile_run::gone_for_good(std::vector<std::size_t> vanished) {
  std::vector<std::size_t> gone;
  for (const std::size_t i : vanished) {
    const std::string& name = todo_[i];
    if (world_->settings.sole || !unlisted_.contains(name)) {
      gone.push_back(i);
      continue;
    }
    auto missed = missed_before(name);
    if (!missed) co_return pass(std::move(missed));
    auto others_looked = *missed ? were_others_looked_at_since(**missed) : result<bool>(false);
    if (!others_looked) co_return pass(std::move(others_looked));
    if (*others_looked) {
      gone.push_back(i);
      continue;
    }
    if (!*missed) {
      to_journal_.push_back(
          record::repository_reconciled(world_->name, record_.run, name, reconcile_mode::tags, 0, 0, 0));
    }
    note_not_here(i);
  }
  co_return gone;
}

// Since when it is missed here; none: it was here when last looked at, or somebody spoke of it since.
result<std::optional<timestamp>> reconcile_run::missed_before(const std::string& name) const {
  auto row = world_->looked.repository(world_->name, name);
  if (!row) return pass(std::move(row));
  if (!*row || (*row)->tags > 0) return std::optional<timestamp>();
  auto said = world_->wanted.repository(name);
  if (!said) return pass(std::move(said));
  if (*said && (*said)->last_seen > (*row)->at) return std::optional<timestamp>();
  return (*row)->at;
}

result<bool> reconcile_run::were_others_looked_at_since(timestamp missed) const {
  if (world_->now.now().us - missed.us >= missed_us_max) return true;
  bool any = false, all = true;
  auto read = world_->looked.sources([&](const reconciled_source& s) {
    if (!is_another(s)) return true;
    any = true;
    all = all && s.last_complete && s.last_complete->started > missed;
    return all;
  });
  if (!read) return pass(std::move(read));
  return any && all;
}

}  // namespace longshore::engine
