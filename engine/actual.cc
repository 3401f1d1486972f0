#include "engine/actual.h"

#include <algorithm>

#include "engine/journal_detail.h"
#include "engine/reference.h"
#include "storage/packed.h"

namespace longshore::engine {
namespace {

// Rows:
//   actual.repositories  name                      -> the fields of actual_repository, in order
//   actual.items         name NUL kind ref         -> the fields of actual_item, in order
//   actual.tags          name NUL digest NUL tag   -> (empty)   tags that this site published at a digest
// kind is '1' for tags and '2' for manifests, as in the desired view.
constexpr char tag_kind = '1';
constexpr char manifest_kind = '2';

std::string in_repository(std::string_view name) {
  std::string key(name);
  key.push_back('\0');
  return key;
}

std::string item_key(std::string_view repository, bool is_tag, std::string_view ref) {
  std::string key = in_repository(repository);
  key.push_back(is_tag ? tag_kind : manifest_kind);
  key.append(ref);
  return key;
}

std::string tag_key(std::string_view repository, std::string_view digest, std::string_view tag) {
  std::string key = in_repository(repository);
  key.append(digest).push_back('\0');
  key.append(tag);
  return key;
}

std::uint64_t packed(timestamp t) { return static_cast<std::uint64_t>(t.us); }
timestamp unpacked(std::uint64_t us) { return {static_cast<std::int64_t>(us)}; }

std::string pack(const actual_repository& r) {
  return storage::packer()
      .number(static_cast<std::uint64_t>(r.state))
      .number(r.synced_size)
      .number(r.retry_count)
      .text(r.last_sync_failure)
      .number(packed(r.retry_at))
      .number(packed(r.last_synced_at))
      .number(packed(r.created_at))
      .number(packed(r.started_at))
      .number(r.parked)
      .number(r.failed)
      .number(packed(r.verified_at))
      .text(r.checksum)
      .number(r.mismatches)
      .number(r.deletes_allowed ? 1 : 0)
      .take();
}

std::optional<actual_repository> unpack_repository(std::string_view name, std::string_view value) {
  storage::unpacker in(value);
  actual_repository r;
  r.name = name;
  r.state = static_cast<sync_state>(in.number());
  r.synced_size = in.number();
  r.retry_count = in.number();
  r.last_sync_failure = in.text();
  r.retry_at = unpacked(in.number());
  r.last_synced_at = unpacked(in.number());
  r.created_at = unpacked(in.number());
  r.started_at = unpacked(in.number());
  r.parked = in.number();
  r.failed = in.number();
  if (in.more()) {
    r.verified_at = unpacked(in.number());
    r.checksum = in.text();
    r.mismatches = in.number();
    r.deletes_allowed = in.number() != 0;
  }
  if (!in.ok() || r.state > sync_state::failed) return std::nullopt;
  return r;
}

std::string pack(const actual_item& i) {
  return storage::packer()
      .number(static_cast<std::uint64_t>(i.state))
      .text(i.digest)
      .number(i.done_size)
      .number(i.tried_size)
      .text(i.reason)
      .text(i.code)
      .number(packed(i.at))
      .number(packed(i.verified_at))
      .take();
}

std::optional<actual_item> unpack_item(std::string_view key, std::string_view value) {
  const std::size_t end = key.find('\0');
  if (end == std::string_view::npos || end + 2 > key.size()) return std::nullopt;
  storage::unpacker in(value);
  actual_item i;
  i.repository = key.substr(0, end);
  i.is_tag = key[end + 1] == tag_kind;
  i.ref = key.substr(end + 2);
  i.state = static_cast<item_state>(in.number());
  i.digest = in.text();
  i.done_size = in.number();
  i.tried_size = in.number();
  i.reason = in.text();
  i.code = in.text();
  i.at = unpacked(in.number());
  i.verified_at = unpacked(in.number());
  if (!in.ok() || i.state > item_state::parked) return std::nullopt;
  return i;
}

void count(actual_repository& r, item_state state, bool more) {
  std::uint64_t* counter = state == item_state::parked ? &r.parked : state == item_state::failed ? &r.failed : nullptr;
  if (counter == nullptr) return;
  if (more) {
    ++*counter;
  } else if (*counter > 0) {
    --*counter;
  }
}

bool is_about_work(log::event_kind kind) {
  using log::event_kind;
  if (kind == event_kind::located || kind == event_kind::lost) return false;
  return (kind >= event_kind::sync_started && kind <= event_kind::verified) ||
         (kind >= event_kind::mismatched && kind <= event_kind::deletes_allowed);
}

std::unexpected<error> bad_row(std::string_view family) {
  return fail(errc::corrupt, "a row of " + std::string(family) +
                                 " cannot be read; run `longshore rebuild-views` on this data directory");
}

}  // namespace

std::string_view name_of(sync_state s) {
  switch (s) {
    case sync_state::pending:
      return "pending";
    case sync_state::started:
      return "started";
    case sync_state::synced:
      return "synced";
    case sync_state::failed:
      return "failed";
  }
  return "unknown";
}

std::string_view name_of(item_state s) {
  switch (s) {
    case item_state::done:
      return "done";
    case item_state::removed:
      return "removed";
    case item_state::failed:
      return "failed";
    case item_state::parked:
      return "parked";
  }
  return "unknown";
}

std::vector<storage::family_spec> actual::family_specs() {
  return {{"actual.repositories"}, {"actual.items"}, {"actual.tags"}};
}

actual::actual(storage::database& db)
    : db_(&db),
      repositories_(db.named("actual.repositories")),
      items_(db.named("actual.items")),
      tags_(db.named("actual.tags")) {}

std::vector<storage::family> actual::families() const { return {repositories_, items_, tags_}; }

void actual::apply(const log::event_view& e, storage::overlay& state) {
  using log::event_kind;
  if (!is_repository_name(e.repository)) return;
  if (!is_about_work(e.kind)) return;

  actual_repository repository;
  repository.name = e.repository;
  repository.created_at = e.recorded;
  if (const auto row = state.get(repositories_, e.repository)) {
    if (auto r = unpack_repository(e.repository, *row)) repository = *std::move(r);
  }
  switch (e.kind) {
    case event_kind::sync_started:
    case event_kind::sync_succeeded:
    case event_kind::sync_failed:
      apply_sync(e, repository);
      break;
    case event_kind::resync_asked:
      apply_resync(repository, state);
      break;
    case event_kind::repository_verified:
      repository.verified_at = e.recorded;
      repository.checksum = journal_detail(e).text("checksum");
      repository.mismatches = 0;
      break;
    case event_kind::deletes_allowed:
      apply_deletes_allowed(repository, state);
      break;
    default:
      apply_item(e, repository, state);
      break;
  }
  state.put(repositories_, e.repository, pack(repository));
}

void actual::apply_sync(const log::event_view& e, actual_repository& r) {
  const journal_detail detail(e);
  if (e.kind == log::event_kind::sync_started) {
    r.state = sync_state::started;
    r.started_at = e.recorded;
  } else if (e.kind == log::event_kind::sync_succeeded) {
    r.state = sync_state::synced;
    r.synced_size = std::max(r.synced_size, detail.number("synced_size"));
    r.retry_count = 0;
    r.last_sync_failure.clear();
    r.retry_at = {};
    r.last_synced_at = e.recorded;
    r.deletes_allowed = false;
  } else {
    r.state = sync_state::failed;
    r.retry_count = detail.number("retry_count");
    r.last_sync_failure = detail.text("reason");
    r.retry_at = unpacked(detail.number("retry_at_us"));
  }
}

void actual::apply_item(const log::event_view& e, actual_repository& r, storage::overlay& state) {
  using log::event_kind;
  const bool is_tag_item = !e.tag.empty();
  const std::string_view ref = is_tag_item ? e.tag : e.digest;
  if (ref.empty()) return;
  const std::string key = item_key(e.repository, is_tag_item, ref);
  actual_item item;
  if (const auto row = state.get(items_, key)) {
    if (auto i = unpack_item(key, *row)) {
      item = *std::move(i);
      count(r, item.state, false);
    }
  }
  const journal_detail detail(e);
  const std::uint64_t size = detail.number("seq") + 1;
  const std::string digest_before = item.digest;
  item.at = e.recorded;
  if (e.kind == event_kind::verified) {
    if (item.digest == e.digest) item.verified_at = e.recorded;
  } else if (e.kind == event_kind::mismatched) {
    reopen(r, item, detail);
  } else if (e.kind == event_kind::published || e.kind == event_kind::removed) {
    const bool published = e.kind == event_kind::published;
    item.state = published ? item_state::done : item_state::removed;
    item.digest = published ? std::string(e.digest) : std::string();
    item.done_size = std::max(item.done_size, size);
    item.reason.clear();
    item.code.clear();
  } else {
    item.state = e.kind == event_kind::item_failed ? item_state::failed : item_state::parked;
    item.tried_size = std::max(item.tried_size, size);
    item.reason = detail.text("reason");
    item.code = detail.text("code");
  }
  if (item.digest != digest_before) item.verified_at = {};
  count(r, item.state, true);
  if (is_tag_item && digest_before != item.digest) {
    if (!digest_before.empty()) state.erase(tags_, tag_key(e.repository, digest_before, ref));
    if (!item.digest.empty()) state.put(tags_, tag_key(e.repository, item.digest, ref), {});
  }
  state.put(items_, key, pack(item));
}

// What verification found amiss is open again, whatever had been settled, and the next pass begins there.
void actual::reopen(actual_repository& r, actual_item& item, const journal_detail& found) {
  item.state = item_state::failed;
  item.done_size = item.tried_size = 0;
  item.verified_at = {};
  item.reason = found.text("reason");
  item.code = found.text("kind");
  if (item.code == code_missing_tag) item.digest.clear();
  ++r.mismatches;
  r.state = sync_state::failed;
  r.last_sync_failure = "verification: " + item.reason;
  r.retry_at = {};
  r.synced_size = std::min(r.synced_size, found.number("seq"));
}

// Deletions that were held back are open again.
void actual::apply_deletes_allowed(actual_repository& r, storage::overlay& state) {
  std::vector<std::pair<std::string, actual_item>> held;
  state.scan_prefix(items_, in_repository(r.name), [&](std::string_view key, std::string_view value) {
    auto i = unpack_item(key, value);
    const bool is_held = i && i->state == item_state::parked && i->code == code_over_ceiling && i->tried_size > 0;
    if (is_held) held.emplace_back(std::string(key), *std::move(i));
    return true;
  });
  for (auto& [key, item] : held) {
    r.synced_size = std::min(r.synced_size, item.tried_size - 1);
    item.tried_size = 0;
    state.put(items_, key, pack(item));
  }
  r.deletes_allowed = true;
}

void actual::apply_resync(actual_repository& r, storage::overlay& state) {
  std::vector<std::pair<std::string, actual_item>> items;
  state.scan_prefix(items_, in_repository(r.name), [&](std::string_view key, std::string_view value) {
    if (auto i = unpack_item(key, value)) items.emplace_back(std::string(key), *std::move(i));
    return true;
  });
  // What stands at the target is still the best guess (a deletion asks which tags share a digest); only the
  // belief that the work is done goes.
  for (auto& [key, item] : items) {
    item.done_size = item.tried_size = 0;
    state.put(items_, key, pack(item));
  }
  r.state = sync_state::pending;
  r.synced_size = r.retry_count = 0;
  r.retry_at = {};
}

result<std::optional<actual_repository>> actual::repository(std::string_view name) const {
  auto row = db_->get(repositories_, name);
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<actual_repository>();
  auto r = unpack_repository(name, **row);
  if (!r) return bad_row("actual.repositories");
  return r;
}

result<void> actual::repositories(const std::function<bool(const actual_repository&)>& visit) const {
  auto rows = db_->range(repositories_, {});
  for (; rows.valid(); rows.next()) {
    const auto r = unpack_repository(rows.key(), rows.value());
    if (!r) return bad_row("actual.repositories");
    if (!visit(*r)) return {};
  }
  return rows.status();
}

result<std::optional<actual_item>> actual::item(std::string_view repository, std::string_view ref) const {
  for (const bool is_tag : {true, false}) {
    const std::string key = item_key(repository, is_tag, ref);
    auto row = db_->get(items_, key);
    if (!row) return pass(std::move(row));
    if (!*row) continue;
    auto i = unpack_item(key, **row);
    if (!i) return bad_row("actual.items");
    return i;
  }
  return std::optional<actual_item>();
}

result<void> actual::items(std::string_view repository, const std::function<bool(const actual_item&)>& visit) const {
  auto rows = db_->range(items_, storage::with_prefix(in_repository(repository)));
  for (; rows.valid(); rows.next()) {
    const auto i = unpack_item(rows.key(), rows.value());
    if (!i) return bad_row("actual.items");
    if (!visit(*i)) return {};
  }
  return rows.status();
}

result<std::vector<std::string>> actual::tags_at(std::string_view repository, std::string_view digest) const {
  std::vector<std::string> tags;
  const std::string prefix = tag_key(repository, digest, {});
  auto rows = db_->range(tags_, storage::with_prefix(prefix));
  for (; rows.valid(); rows.next()) tags.emplace_back(rows.key().substr(prefix.size()));
  if (auto read = rows.status(); !read) return pass(std::move(read));
  return tags;
}

}  // namespace longshore::engine
