// What a pass leaves out, and what it takes after all: the filters, accessory tags and skips of operators.

#include "engine/journal_records.h"
#include "engine/repository_sync.h"

namespace longshore::engine {

// Tags that the filters leave out by their name, or because what they belong to is not taken: one record each.
task<> repository_sync::skip_tags(std::vector<open_item*> items) {
  records left_out;
  for (open_item* item : items) {
    auto rule = verdict_on(*item);
    if (!rule) co_return pass(std::move(rule));
    if (!*rule) continue;
    auto made = skipped(*item, **rule);
    left_out.insert(left_out.end(), std::make_move_iterator(made.begin()), std::make_move_iterator(made.end()));
    item->settled = true;
  }
  co_return co_await world_->records.append(std::move(left_out));
}

result<replication_filter::verdict> repository_sync::verdict_on(const open_item& tag) const {
  const replication_filter& filter = *world_->copying.filter;
  auto rule = filter.tag(tag.wanted.ref);
  const auto subject = accessory_subject(tag.wanted.ref);
  if (rule || !subject || !filter.judges_tags()) return rule;
  // One that is gone goes from the target too, when it was brought there.
  if (tag.gone && tag.done && !tag.done->digest.empty()) return rule;
  auto there = world_->where.holds(repository_, *subject);
  if (!there) return pass(std::move(there));
  if (!*there) rule = "tags_include: follows " + *subject + ", which is not taken";
  return rule;
}

result<replication_filter::verdict> repository_sync::verdict_on(const open_item& item,
                                                                const manifest_document& document) const {
  const replication_filter& filter = *world_->copying.filter;
  replication_filter::verdict rule;
  const auto untagged = item.wanted.is_tag ? std::nullopt : filter.untagged();
  if (!untagged && !filter.judges_media_types()) return rule;
  const auto content = parse_manifest(document.media_type, document.bytes);
  if (!content) return untagged;  // publishing says what is wrong with it
  rule = filter.judges_media_types() ? filter.media_types(document.media_type, *content) : std::nullopt;
  if (rule || !untagged) return rule;
  // A referrer follows its subject.
  if (!content->subject) return untagged;
  auto there = world_->where.holds(repository_, content->subject->digest.text());
  if (!there) return pass(std::move(there));
  return *there ? std::nullopt : untagged;
}

repository_sync::records repository_sync::skipped(const open_item& item, const std::string& rule) {
  ++progress_->skipped;
  return {record::item_skipped(item.wanted, rule, world_->copying.filter->fingerprint())};
}

log::event repository_sync::published(const open_item& item, const longshore::digest& d) {
  if (!publication_.take_sparse(d)) return record::published(item.wanted, d);
  return record::published_sparse(item.wanted, d, "platforms: some entries of the index are left out",
                                  world_->copying.filter->fingerprint());
}

// Adds the opening again of what follows the manifests that just came to the target and was skipped for want of them.
result<void> repository_sync::reopen_followers(records& outcome) {
  const replication_filter& filter = *world_->copying.filter;
  if (!filter.untagged()) return {};
  std::set<std::string> arrived;
  for (const log::event& e : outcome) {
    const bool came = e.kind == log::event_kind::located || e.kind == log::event_kind::published;
    if (came && !e.digest.empty()) arrived.insert(e.digest);
  }
  for (const std::string& digest : arrived) {
    auto followers = accessory_tags(digest);
    followers.push_back(digest);
    for (std::string& ref : followers) {
      auto item = world_->done.item(repository_, ref);
      if (!item) return pass(std::move(item));
      const bool waits =
          *item && (*item)->state == item_state::skipped && (*item)->code == "filter" && (*item)->tried_size > 0;
      if (!waits) continue;
      const bool is_tag = (*item)->is_tag;
      outcome.push_back(record::reopened(repository_, std::move(ref), is_tag));
      reopened_ = true;
    }
  }
  return {};
}

// An operator may have left it out since the page was read.
result<bool> repository_sync::still_open(const open_item& item) const {
  if (item.settled) return false;
  auto now = world_->done.item(repository_, item.wanted.ref);
  if (!now) return pass(std::move(now));
  return !*now || (*now)->state != item_state::skipped || is_open(item.wanted, *now);
}

}  // namespace longshore::engine
