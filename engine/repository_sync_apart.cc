// What becomes of a tag that the source shows otherwise than the log says, and of a deletion that was held back.

#include <algorithm>

#include "engine/journal_records.h"
#include "engine/repository_sync.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

constexpr std::size_t gone_digests_max = 16;   // in a row; while the source has them again, it is asked for more
constexpr std::size_t held_asked_max = 1'000;  // in one look
constexpr int unanswered_max = 3;

bool is_held_back(const actual_item& i) { return i.state == item_state::parked && i.code == code_over_ceiling; }

}  // namespace

// Opens what the source no longer shows as it was settled, and deletions held back of what it has again. One request
// for each; what a source does not answer, or many that are gone in a row hide, is asked for at the next look.
task<> repository_sync::look_at_apart() {
  std::vector<actual_item> apart, held;
  auto read = world_->done.items(repository_, [&](const actual_item& item) {
    if (item.apart) apart.push_back(item);
    if (!item.apart && is_held_back(item)) held.push_back(item);
    return true;
  });
  if (!read) co_return pass(std::move(read));
  records opened;
  const std::size_t held_back = held.size();
  int unanswered_in_a_row = 0;
  std::size_t gone_in_a_row = 0;
  for (const actual_item& item : co_await worth_asking(std::move(held))) {
    if (gone_in_a_row == gone_digests_max) break;
    auto shown = co_await world_->source.resolve(repository_, item.ref);
    if (!shown && shown.error().code == errc::stopped) co_return pass(std::move(shown));
    unanswered_in_a_row = shown ? 0 : unanswered_in_a_row + 1;
    if (stopping_ || unanswered_in_a_row == unanswered_max) break;
    if (shown && *shown) opened.push_back(record::reopened(repository_, item.ref, item.is_tag));
    if (!item.is_tag && shown) gone_in_a_row = *shown ? 0 : gone_in_a_row + 1;
  }
  any_held_ = opened.size() < held_back;
  for (const actual_item& item : apart) {
    auto wanted = world_->wanted.item(repository_, item.ref);
    if (!wanted) co_return pass(std::move(wanted));
    if (!*wanted || is_open(**wanted, item)) continue;
    auto shown = co_await world_->source.resolve(repository_, item.ref);
    if (!shown && shown.error().code == errc::stopped) co_return pass(std::move(shown));
    if (!shown || stopping_) break;
    const bool kept = !*shown && world_->settings.deletes == delete_mode::keep;
    const std::string at = *shown ? (*shown)->text() : std::string();
    if (at != item.digest && !kept) opened.push_back(record::reopened(repository_, item.ref, true));
  }
  co_return co_await world_->records.append_in_parts(std::move(opened));
}

// Of the deletions held back: tags that the source lists again, then those that go by digest, which no listing shows.
// These from anywhere on, so that each has its turn.
asio::awaitable<std::vector<actual_item>> repository_sync::worth_asking(std::vector<actual_item> held) {
  if (held.empty()) co_return held;
  const auto listed = co_await list_all_tags(world_->source, repository_, world_->settings.listed_tags_max);
  std::erase_if(held, [&](const actual_item& i) { return i.is_tag && !(listed && listed->contains(i.ref)); });
  const auto digests = std::ranges::find(held, false, &actual_item::is_tag);  // tags come first
  const auto from = world_->random.below(static_cast<std::uint64_t>(held.end() - digests));
  std::rotate(digests, digests + static_cast<std::ptrdiff_t>(from), held.end());
  if (held.size() > held_asked_max) held.erase(held.begin() + held_asked_max, held.end());
  co_return held;
}

// Until the event's word can be called outdated, the target has what the source shows, and the item stays open.
task<> repository_sync::bring_meanwhile(const open_item& item, manifest_document shown, manifest_claims& claims) {
  const bool stands = item.done && item.done->digest == shown.digest.text();
  if (stands || item.wanted.seq.value == 0) co_return result<void>();
  open_item before = item;
  --before.wanted.seq.value;
  auto done = co_await bring_tag_as_shown(before, std::move(shown), false, claims);
  if (!done && done.error().code == errc::conflict) co_return result<void>();  // it moves: the next pass looks again
  if (!done) co_return pass(std::move(done));
  co_return co_await world_->records.append(*std::move(done));
}

void repository_sync::mark_apart(const open_item& item, records& outcome) {
  for (log::event& e : outcome) {
    if (is_apart(item, e)) record::mark_apart(e);
  }
}

bool repository_sync::is_apart(const open_item& item, const log::event& outcome) {
  if (!item.wanted.is_tag || outcome.tag != item.wanted.ref) return false;
  if (outcome.kind == log::event_kind::removed) return !item.told.empty();
  if (outcome.kind != log::event_kind::published) return false;
  // What is gone and kept on purpose is as told.
  return item.told.empty() ? !item.wanted.gone : outcome.digest != item.told;
}

}  // namespace longshore::engine
