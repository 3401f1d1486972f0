#include "engine/locations.h"

#include <charconv>

#include "engine/item_rows.h"
#include "engine/journal_records.h"
#include "engine/reference.h"

namespace longshore::engine {
namespace {

using item_rows::joined;

// Rows:
//   locations.by_digest      digest NUL repository -> (empty)
//   locations.by_repository  repository NUL digest -> (empty)
//                            repository NUL        -> tags seen by its survey, decimal
}  // namespace

std::vector<storage::family_spec> locations::family_specs() {
  return {{"locations.by_digest"}, {"locations.by_repository"}};
}

locations::locations(storage::database& db)
    : db_(&db), by_digest_(db.named("locations.by_digest")), by_repository_(db.named("locations.by_repository")) {}

std::vector<storage::family> locations::families() const { return {by_digest_, by_repository_}; }

void locations::apply(const log::event_view& e, storage::overlay& state) {
  using log::event_kind;
  if (!is_repository_name(e.repository)) return;
  if (e.kind == event_kind::resync_asked) {
    std::vector<std::string> digests;
    const std::string prefix = joined(e.repository, {});
    state.scan_prefix(by_repository_, prefix, [&](std::string_view key, std::string_view) {
      digests.emplace_back(key.substr(prefix.size()));
      return true;
    });
    for (const std::string& d : digests) {
      state.erase(by_repository_, joined(e.repository, d));
      if (!d.empty()) state.erase(by_digest_, joined(d, e.repository));
    }
    return;
  }
  if (e.kind == event_kind::surveyed) {
    state.put(by_repository_, joined(e.repository, {}), std::to_string(e.size));
    return;
  }
  if (e.digest.empty()) return;
  // A sparse index stands, but does not bring what it names.
  const bool present = e.kind == event_kind::located || (e.kind == event_kind::published && !record::is_sparse(e));
  const bool absent = e.kind == event_kind::lost || (e.kind == event_kind::removed && e.tag.empty());
  if (present) {
    state.put(by_digest_, joined(e.digest, e.repository), {});
    state.put(by_repository_, joined(e.repository, e.digest), {});
  } else if (absent) {
    state.erase(by_digest_, joined(e.digest, e.repository));
    state.erase(by_repository_, joined(e.repository, e.digest));
  }
}

result<bool> locations::holds(std::string_view repository, std::string_view digest) const {
  auto row = db_->get(by_digest_, joined(digest, repository));
  if (!row) return pass(std::move(row));
  return row->has_value();
}

result<std::optional<std::uint64_t>> locations::survey_of(std::string_view repository) const {
  auto row = db_->get(by_repository_, joined(repository, {}));
  if (!row) return pass(std::move(row));
  if (!*row) return std::optional<std::uint64_t>();
  std::uint64_t tags = 0;
  const auto [end, ec] = std::from_chars((*row)->data(), (*row)->data() + (*row)->size(), tags);
  if (ec != std::errc() || end != (*row)->data() + (*row)->size()) {
    return fail(errc::corrupt, "a survey in locations.by_repository cannot be read; run `longshore rebuild-views`");
  }
  return std::optional(tags);
}

result<std::optional<std::string>> locations::any_holder(std::string_view digest) const {
  const std::string prefix = joined(digest, {});
  const auto rows = db_->range(by_digest_, storage::with_prefix(prefix));
  if (rows.valid()) return std::optional<std::string>(rows.key().substr(prefix.size()));
  if (auto read = rows.status(); !read) return pass(std::move(read));
  return std::optional<std::string>();
}

result<std::vector<std::string>> locations::holders(std::string_view digest) const {
  std::vector<std::string> all;
  const std::string prefix = joined(digest, {});
  auto rows = db_->range(by_digest_, storage::with_prefix(prefix));
  for (; rows.valid(); rows.next()) all.emplace_back(rows.key().substr(prefix.size()));
  if (auto read = rows.status(); !read) return pass(std::move(read));
  return all;
}

}  // namespace longshore::engine
