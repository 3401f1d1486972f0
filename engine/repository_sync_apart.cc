// What becomes of a tag that the source shows otherwise than the log says, and of a deletion that was held back.

#include "engine/journal_records.h"
#include "engine/repository_sync.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

constexpr std::size_t held_digests_asked = 16;
constexpr int unanswered_max = 3;

bool is_held_back(const actual_item& i) { return i.state == item_state::parked && i.code == code_over_ceiling; }

}  // namespace

// Opens what the source no longer shows as it was settled, and deletions held back of what it has again. One request
// for each; a source that does not answer is asked at the next look.
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
  for (const actual_item& item : co_await worth_asking(std::move(held))) {
    auto shown = co_await world_->source.resolve(repository_, item.ref);
    if (!shown && shown.error().code == errc::stopped) co_return pass(std::move(shown));
    unanswered_in_a_row = shown ? 0 : unanswered_in_a_row + 1;
    if (stopping_ || unanswered_in_a_row == unanswered_max) break;
    if (shown && *shown) opened.push_back(record::reopened(repository_, item.ref, item.is_tag));
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

// Of the deletions held back: tags that the source lists again, and the first of those that go by digest, which no
// listing shows.
asio::awaitable<std::vector<actual_item>> repository_sync::worth_asking(std::vector<actual_item> held) {
  std::vector<actual_item> asked;
  if (held.empty()) co_return asked;
  const auto listed = co_await list_all_tags(world_->source, repository_, world_->settings.listed_tags_max);
  std::size_t by_digest = 0;
  for (actual_item& item : held) {
    const bool worth = item.is_tag ? listed && listed->contains(item.ref) : by_digest++ < held_digests_asked;
    if (worth) asked.push_back(std::move(item));
  }
  co_return asked;
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
