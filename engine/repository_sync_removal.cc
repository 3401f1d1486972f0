// What a pass takes away from the target, and what it holds back.

#include "engine/journal_records.h"
#include "engine/repository_sync.h"

namespace longshore::engine {

// Before the first removal: are there too many, and may there be? A failed listing refuses them all, too.
task<> repository_sync::decide_removals(const std::optional<actual_repository>& before) {
  const sync_settings& settings = world_->settings;
  if (settings.deletes == delete_mode::keep || (before && before->deletes_allowed)) co_return result<void>();
  const auto weight = co_await removal_.weigh();
  if (!weight) {
    removals_refused_ = weight.error();
    co_return result<void>();
  }
  std::string what = std::to_string(weight->removals) + " of " + std::to_string(weight->tags_at_target) + " tags";
  const std::string remedy = "; `longshore sync --allow-deletes " + repository_ +
                             "` lets it. Tags that the source has again are found within the hour, or by `longshore "
                             "unpark " +
                             repository_ + "`";
  if (is_over(weight->removals, weight->tags_at_target, settings.ceiling)) {
    removals_refused_ = error{errc::denied, "would remove " + what + " at the target" + remedy};
    held_back_ = true;
  } else if (loses_too_much_untold(*weight, settings.ceiling)) {
    removals_refused_ =
        error{errc::denied, "would remove " + what + " at the target, and the source never told of " +
                                std::to_string(weight->untold()) + " of them: it may have lost its data" + remedy};
    held_back_ = told_may_go_ = true;
    removal_.hold_untold();
  }
  co_return result<void>();
}

// Manifests first: where a digest was deleted, its tags went with it.
task<> repository_sync::remove_page(std::vector<open_item>& page) {
  std::vector<open_item*> tags;
  for (open_item& item : page) {
    // What was found gone has been judged while it was thought to be there.
    if (item.wanted.is_tag && item.wanted.gone) tags.push_back(&item);
  }
  if (auto r = co_await skip_tags(std::move(tags)); !r) co_return r;
  for (const bool is_tag : {false, true}) {
    for (open_item& item : page) {
      if (item.wanted.is_tag != is_tag) continue;
      if (must_end()) co_return result<void>();
      if (auto r = co_await remove_one(item); !r) co_return r;
    }
  }
  co_return result<void>();
}

task<> repository_sync::remove_one(open_item& item) {
  if (auto open = still_open(item); !open || !*open) co_return open ? result<void>() : pass(std::move(open));
  auto shown = co_await world_->source.resolve(repository_, item.wanted.ref);
  if (!shown) {
    co_return co_await settle(item, pass(std::move(shown), "making sure that the source has no " + item.wanted.ref));
  }
  if (*shown) {
    // It is there again, or still: what the source shows counts, not what was told.
    item.gone = item.wanted.gone = false;
    item.wanted.digest = (*shown)->text();
    removal_.forget();
    if (auto r = co_await publish_one(item); !r || !item.gone) co_return r;
    co_return co_await settle(item, fail(errc::conflict, item.wanted.ref + " comes and goes at the source"));
  }
  const bool may_go = told_may_go_ && is_told(item.wanted);
  if (removals_refused_ && !may_go) co_return co_await refuse_removal(item);
  auto outcome = co_await removal_.remove(item.wanted);
  if (removal_.take_reopened()) reopened_ = true;
  const bool held = outcome && outcome->front().kind == log::event_kind::item_parked;
  if (outcome) ++(held ? progress_->parked : progress_->removed);
  co_return co_await settle(item, std::move(outcome));
}

// What the target does not have needs no permission to be gone.
task<> repository_sync::refuse_removal(open_item& item) {
  if (!held_back_) co_return co_await settle(item, std::unexpected<error>(*removals_refused_));
  auto there = co_await world_->target.resolve(repository_, item.wanted.ref);
  if (!there) {
    co_return co_await settle(item, pass(std::move(there), "looking for " + item.wanted.ref + " at the target"));
  }
  if (!*there) co_return co_await settle(item, records{record::removed(item.wanted)});
  ++progress_->parked;
  any_held_ = true;
  co_return co_await world_->records.append(std::vector{record::item_held_back(item.wanted, removals_refused_->text)});
}

// A tag that left its manifest at the target may have been all that kept the deletion of that manifest, or of its other
// tags, parked: they are tried again.
result<void> repository_sync::reopen_freed(const open_item& item, records& outcome) {
  if (!item.wanted.is_tag || !item.done || item.done->digest.empty()) return {};
  const std::string& left = item.done->digest;
  std::set<std::string> settled;
  bool moved = false;
  for (const log::event& e : outcome) {
    const bool ours = e.kind == log::event_kind::removed || (e.kind == log::event_kind::published && e.digest != left);
    if (ours) settled.insert(e.tag.empty() ? e.digest : e.tag);
    moved = moved || (ours && e.tag == item.wanted.ref);
  }
  if (!moved) return {};
  auto refs = world_->done.tags_at(repository_, left);
  if (!refs) return pass(std::move(refs));
  refs->push_back(left);
  for (std::string& ref : *refs) {
    if (settled.contains(ref)) continue;
    auto done = world_->done.item(repository_, ref);
    if (!done) return pass(std::move(done));
    const bool held = *done && (*done)->code == code_over_ceiling && (*done)->is_tag;
    if (!*done || (*done)->state != item_state::parked || held) continue;
    auto wanted = world_->wanted.item(repository_, ref);
    if (!wanted) return pass(std::move(wanted));
    if (!*wanted || !(*wanted)->gone) continue;
    outcome.push_back(record::reopened(repository_, std::move(ref), (*done)->is_tag));
    reopened_ = true;
  }
  return {};
}

}  // namespace longshore::engine
