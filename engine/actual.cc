#include "engine/actual.h"

#include <algorithm>

#include "engine/actual_rows.h"
#include "engine/item_rows.h"
#include "engine/record_detail.h"
#include "engine/reference.h"

namespace longshore::engine {

using namespace actual_rows;
using namespace item_rows;

namespace {

constexpr std::string_view sparse_code = "sparse", filter_code = "filter", operator_code = "operator";

bool is_sparse(const actual_item& i) { return i.state == item_state::done && i.code == sparse_code; }
bool is_left_out_by(const actual_item& i, std::string_view code) {
  return i.state == item_state::skipped && i.code == code;
}

void count(actual_repository& r, const actual_item& i, bool more) {
  if (i.apart && more) ++r.apart;
  if (i.apart && !more && r.apart > 0) --r.apart;
  std::uint64_t* counter = i.state == item_state::parked    ? &r.parked
                           : i.state == item_state::failed  ? &r.failed
                           : i.state == item_state::skipped ? &r.skipped
                           : is_sparse(i)                   ? &r.sparse
                                                            : nullptr;
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
         (kind >= event_kind::item_skipped && kind <= event_kind::retry_asked) ||
         (kind >= event_kind::mismatched && kind <= event_kind::repository_amiss);
}

std::unexpected<error> bad_row(std::string_view family) {
  return fail(errc::corrupt, "a row of " + std::string(family) +
                                 " cannot be read; run `longshore rebuild-views` on this data directory");
}

}  // namespace

bool is_stale(const actual_repository& r, std::string_view filter) {
  return r.skipped + r.sparse > 0 && !r.filter.empty() && r.filter != filter;
}

std::vector<storage::family_spec> actual::family_specs() {
  std::vector<storage::family_spec> all{{"actual.repositories"}, {"actual.items"}, {"actual.tags"}};
  for (storage::family_spec& s : doubt_rows::family_specs()) all.push_back(std::move(s));
  return all;
}

actual::actual(storage::database& db)
    : db_(&db),
      repositories_(db.named("actual.repositories")),
      items_(db.named("actual.items")),
      tags_(db.named("actual.tags")),
      doubts_(db) {}

std::vector<storage::family> actual::families() const {
  std::vector<storage::family> all{repositories_, items_, tags_};
  for (const storage::family f : doubts_.families()) all.push_back(f);
  return all;
}

void actual::apply(const log::event_view& e, storage::overlay& state) {
  using log::event_kind;
  if (!is_repository_name(e.repository)) return;
  const int doubts = doubt_rows::is_about_doubts(e) ? doubts_.fold(e, state) : 0;
  if (!is_about_work(e.kind) && doubts == 0) return;

  actual_repository repository;
  repository.name = e.repository;
  repository.created_at = e.recorded;
  if (const auto row = state.get(repositories_, e.repository)) {
    if (auto r = unpack_repository(e.repository, *row)) repository = *std::move(r);
  }
  repository.doubted += static_cast<std::uint64_t>(doubts);
  switch (e.kind) {
    case event_kind::sync_started:
    case event_kind::sync_succeeded:
    case event_kind::sync_failed:
      apply_sync(e, repository);
      break;
    case event_kind::resync_asked:
      apply_resync(e, repository, state);
      break;
    case event_kind::repository_verified:
      apply_verified(e, repository);
      break;
    case event_kind::content_doubted:
    case event_kind::content_believed:
    case event_kind::located:
    case event_kind::lost:
      break;  // of doubts alone
    case event_kind::repository_amiss:
      apply_amiss(e, repository);
      break;
    case event_kind::deletes_allowed:
      apply_deletes_allowed(repository, state);
      break;
    case event_kind::filter_changed:
    case event_kind::unpark_asked:
      apply_reopening(e, repository, state);
      break;
    case event_kind::retry_asked:
      repository.retry_at = {};
      break;
    default:
      apply_item(e, repository, state);
      break;
  }
  state.put(repositories_, e.repository, pack(repository));
}

void actual::apply_sync(const log::event_view& e, actual_repository& r) {
  const record_detail detail(e.detail);
  if (e.kind == log::event_kind::sync_started) {
    r.state = sync_state::started;
    r.started_at = e.recorded;
    r.reopened = false;
  } else if (e.kind == log::event_kind::sync_succeeded) {
    r.state = r.reopened ? sync_state::pending : sync_state::synced;
    if (!r.reopened) r.synced_size = std::max(r.synced_size, detail.number("synced_size"));
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

// Where tags differ that are open or parked, what was found before may be amiss still.
void actual::apply_verified(const log::event_view& e, actual_repository& r) {
  const record_detail detail(e.detail);
  r.verified_at = e.recorded;
  r.checksum = detail.text("checksum");
  if (detail.number("unjudged") == 0) r.mismatches = 0;
}

void actual::apply_amiss(const log::event_view& e, actual_repository& r) {
  const record_detail detail(e.detail);
  r.amiss = detail.number("found");
  r.amiss_reason = detail.text("reason");
}

void actual::apply_item(const log::event_view& e, actual_repository& r, storage::overlay& state) {
  using log::event_kind;
  const bool is_tag_item = !e.tag.empty();
  const std::string_view ref = is_tag_item ? e.tag : e.digest;
  if (ref.empty()) return;
  const std::string key = item_key(e.repository, is_tag_item, ref);
  actual_item item;
  bool known = false;
  if (const auto row = state.get(items_, key)) {
    if (auto i = unpack_item(key, *row)) {
      item = *std::move(i);
      known = true;
    }
  }
  const record_detail detail(e.detail);
  const std::uint64_t size = detail.number("seq") + 1;
  const bool failure = e.kind == event_kind::item_failed || e.kind == event_kind::item_parked;
  // It was at work when the operator left it out: that stands until a newer event speaks of it.
  if (failure && is_left_out_by(item, operator_code) && size <= item.tried_size) return;
  if (known) count(r, item, false);
  const std::string digest_before = item.digest;
  item.at = e.recorded;
  if (e.kind != event_kind::verified) item.apart = detail.number("apart") > 0;
  if (e.kind == event_kind::verified) {
    if (item.digest == e.digest) item.verified_at = e.recorded, item.amiss = false;
  } else if (e.kind == event_kind::mismatched) {
    reopen(r, item, detail);
  } else if (e.kind == event_kind::published || e.kind == event_kind::removed) {
    const bool published = e.kind == event_kind::published;
    item.state = published ? item_state::done : item_state::removed;
    item.digest = published ? std::string(e.digest) : std::string();
    item.done_size = std::max(item.done_size, size);
    item.reason = detail.text("sparse");
    item.code = item.reason.empty() ? std::string_view() : sparse_code;
    if (!item.reason.empty()) r.filter = detail.text("filter");
  } else if (e.kind == event_kind::item_skipped || e.kind == event_kind::skip_asked) {
    item.state = item_state::skipped;
    item.tried_size = std::max(item.tried_size, size);
    item.reason = detail.text("rule");
    item.code = e.kind == event_kind::skip_asked ? operator_code : filter_code;
    if (e.kind == event_kind::item_skipped) r.filter = detail.text("filter");
  } else {
    item.state = e.kind == event_kind::item_failed ? item_state::failed : item_state::parked;
    item.tried_size = std::max(item.tried_size, size);
    item.reason = detail.text("reason");
    item.code = detail.text("code");
  }
  if (item.digest != digest_before) item.verified_at = {}, item.amiss = false;
  count(r, item, true);
  if (is_tag_item && digest_before != item.digest) {
    if (!digest_before.empty()) state.erase(tags_, tag_key(e.repository, digest_before, ref));
    if (!item.digest.empty()) state.put(tags_, tag_key(e.repository, item.digest, ref), {});
  }
  state.put(items_, key, pack(item));
}

// What verification found amiss is open again, whatever had been settled, and the next pass begins there.
void actual::reopen(actual_repository& r, actual_item& item, const record_detail& found) {
  item.state = item_state::failed;
  item.done_size = item.tried_size = 0;
  item.verified_at = {};
  item.reason = found.text("reason");
  item.code = found.text("kind");
  if (item.code == code_missing_tag) item.digest.clear();
  if (!item.amiss) ++r.mismatches;  // else it was counted
  item.amiss = true;
  r.state = sync_state::failed;
  r.last_sync_failure = "verification: " + item.reason;
  r.retry_at = {};
  r.reopened = true;
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
  if (!held.empty()) r.reopened = true;
  r.deletes_allowed = true;
}

void actual::apply_resync(const log::event_view& e, actual_repository& r, storage::overlay& state) {
  const bool elsewhere = record_detail(e.detail).number("new_target") > 0;
  std::vector<std::pair<std::string, actual_item>> items;
  state.scan_prefix(items_, in_repository(r.name), [&](std::string_view key, std::string_view value) {
    if (auto i = unpack_item(key, value)) items.emplace_back(std::string(key), *std::move(i));
    return true;
  });
  // What stands at the target is still the best guess (a deletion asks which tags share a digest); only the
  // belief that the work is done goes.
  for (auto& [key, item] : items) {
    item.done_size = item.tried_size = 0;
    if (elsewhere) item.verified_at = {}, item.amiss = false;
    state.put(items_, key, pack(item));
  }
  r.state = sync_state::pending;
  r.synced_size = r.retry_count = 0;
  r.retry_at = {};
  if (!elsewhere) return;
  r.verified_at = r.last_synced_at = {};
  r.checksum.clear();
  r.last_sync_failure.clear();
  r.mismatches = 0;
  r.deletes_allowed = false;
}

// What was left out or parked is open again; synced_size goes back to before the oldest of it.
void actual::apply_reopening(const log::event_view& e, actual_repository& r, storage::overlay& state) {
  const bool by_filter = e.kind == log::event_kind::filter_changed;
  if (by_filter) r.filter = record_detail(e.detail).text("filter");
  const std::string_view ref = e.tag.empty() ? e.digest : e.tag;
  const auto opens = [&](const actual_item& i) {
    if (by_filter) return is_left_out_by(i, filter_code) || is_sparse(i);
    if (!ref.empty()) return i.state == item_state::parked || i.state == item_state::skipped || i.apart;
    return i.state == item_state::parked || is_left_out_by(i, operator_code);
  };
  std::vector<std::pair<std::string, actual_item>> items;
  const auto take = [&](std::string_view key, std::string_view value) {
    if (auto i = unpack_item(key, value); i && opens(*i)) items.emplace_back(std::string(key), *std::move(i));
    return true;
  };
  if (ref.empty()) {
    state.scan_prefix(items_, in_repository(r.name), take);
  } else {
    const std::string key = item_key(e.repository, !e.tag.empty(), ref);
    if (const auto row = state.get(items_, key)) take(key, *row);
  }
  for (auto& [key, item] : items) {
    const std::uint64_t settled = std::max(item.done_size, item.tried_size);
    r.synced_size = std::min(r.synced_size, settled > 0 ? settled - 1 : 0);
    item.done_size = item.tried_size = 0;
    state.put(items_, key, pack(item));
  }
  if (items.empty()) return;
  r.reopened = true;
  r.retry_at = {};
  if (r.state == sync_state::synced) r.state = sync_state::pending;
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
