#include "engine/doubt_rows.h"

#include "engine/item_rows.h"
#include "engine/record_detail.h"

namespace longshore::engine {
namespace {

using item_rows::joined;

using log::event_kind;

// Rows:
//   actual.doubts    repository NUL digest -> "" (there) or "gone"
//   actual.doubted   digest NUL repository -> (empty)
constexpr std::string_view gone = "gone";

bool comes(const log::event_view& e) { return e.kind == event_kind::located || e.kind == event_kind::published; }

bool goes(const log::event_view& e) {
  if (e.kind == event_kind::removed) return e.tag.empty();
  return e.kind == event_kind::lost && (e.detail.empty() || record_detail(e.detail).number("gone") > 0);
}

}  // namespace

std::vector<storage::family_spec> doubt_rows::family_specs() { return {{"actual.doubts"}, {"actual.doubted"}}; }

doubt_rows::doubt_rows(storage::database& db)
    : db_(&db), by_repository_(db.named("actual.doubts")), by_digest_(db.named("actual.doubted")) {}

bool doubt_rows::is_about_doubts(const log::event_view& e) {
  if (e.digest.empty()) return false;
  return comes(e) || goes(e) || e.kind == event_kind::content_doubted || e.kind == event_kind::content_believed;
}

int doubt_rows::fold(const log::event_view& e, storage::overlay& state) const {
  if (e.kind == event_kind::content_believed) return believe(e, state);
  if (e.kind != event_kind::content_doubted && !is_doubted(e.digest, state)) return 0;
  return goes(e) ? go(e, state) : come(e, state);
}

int doubt_rows::come(const log::event_view& e, storage::overlay& state) const {
  const std::string key = joined(e.repository, e.digest);
  const auto row = state.get(by_repository_, key);
  if (row && *row != gone) return 0;
  state.put(by_repository_, key, {});
  state.put(by_digest_, joined(e.digest, e.repository), {});
  return 1;
}

int doubt_rows::go(const log::event_view& e, storage::overlay& state) const {
  const std::string key = joined(e.repository, e.digest);
  const auto row = state.get(by_repository_, key);
  if (!row || *row == gone) return 0;
  state.put(by_repository_, key, gone);
  return -1;
}

int doubt_rows::believe(const log::event_view& e, storage::overlay& state) const {
  std::vector<std::string> repositories;
  const std::string prefix = joined(e.digest, {});
  state.scan_prefix(by_digest_, prefix, [&](std::string_view key, std::string_view) {
    repositories.emplace_back(key.substr(prefix.size()));
    return true;
  });
  int grown = 0;
  for (const std::string& repository : repositories) {
    const std::string key = joined(repository, e.digest);
    const auto row = state.get(by_repository_, key);
    const bool is_there = row && *row != gone;
    if (is_there && repository != e.repository) continue;
    if (is_there) --grown;
    state.erase(by_repository_, key);
    state.erase(by_digest_, joined(e.digest, repository));
  }
  return grown;
}

bool doubt_rows::is_doubted(std::string_view digest, storage::overlay& state) const {
  bool any = false;
  state.scan_prefix(by_digest_, joined(digest, {}), [&](std::string_view, std::string_view) {
    any = true;
    return false;
  });
  return any;
}

result<std::vector<std::string>> doubt_rows::digests(std::string_view repository, doubt_of which) const {
  std::vector<std::string> found;
  const std::string prefix = joined(repository, {});
  auto rows = db_->range(by_repository_, storage::with_prefix(prefix));
  for (; rows.valid(); rows.next()) {
    const bool is_gone = rows.value() == gone;
    if (is_gone == (which == doubt_of::what_is_gone)) found.emplace_back(rows.key().substr(prefix.size()));
  }
  if (auto ok = rows.status(); !ok) return pass(std::move(ok));
  return found;
}

result<bool> doubt_rows::is_there(std::string_view repository, std::string_view digest) const {
  auto row = db_->get(by_repository_, joined(repository, digest));
  if (!row) return pass(std::move(row));
  return *row && **row != gone;
}

result<bool> doubt_rows::contains(std::string_view digest) const {
  const auto rows = db_->range(by_digest_, storage::with_prefix(joined(digest, {})));
  if (rows.valid()) return true;
  if (auto read = rows.status(); !read) return pass(std::move(read));
  return false;
}

}  // namespace longshore::engine
