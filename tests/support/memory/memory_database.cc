#include "tests/support/memory/memory_database.h"

#include <algorithm>

#include "storage/env/ensure.h"

namespace longshore::storage::testing {

struct memory_database::moment final : snapshot::moment {
  std::vector<std::shared_ptr<rows>> tables;
};

class memory_database::cursor final : public scan::cursor {
 public:
  cursor(std::shared_ptr<rows> content, const scan_range& r)
      : content_(std::move(content)),
        at_(content_->lower_bound(r.lower)),
        end_(!r.upper             ? content_->end()
             : *r.upper < r.lower ? at_
                                  : content_->lower_bound(*r.upper)) {}
  bool valid() const override { return at_ != end_; }
  void next() override { ++at_; }
  std::string_view key() const override { return at_->first; }
  std::string_view value() const override { return at_->second; }
  result<void> status() const override { return {}; }

 private:
  std::shared_ptr<rows> content_;
  rows::const_iterator at_, end_;
};

memory_database::memory_database(const std::vector<family_spec>& families) {
  tables_.reserve(families.size());
  for (const family_spec& spec : families) tables_.emplace_back().name = spec.name;
}

family memory_database::named(std::string_view name) const {
  const auto found = std::ranges::find(tables_, name, &table::name);
  ensure(found != tables_.end(), "a family is named when the database is made");
  return {static_cast<std::uint32_t>(found - tables_.begin())};
}

memory_database::rows& memory_database::changeable(std::uint32_t family_index) {
  std::shared_ptr<rows>& content = tables_.at(family_index).content;
  if (content.use_count() > 1) content = std::make_shared<rows>(*content);
  return *content;
}

const std::shared_ptr<memory_database::rows>& memory_database::seen(family f, const snapshot* at) const {
  if (at == nullptr) return tables_.at(f.index).content;
  return static_cast<const moment&>(at->held()).tables.at(f.index);
}

result<std::optional<std::string>> memory_database::get(family f, std::string_view key, const snapshot* at) const {
  const rows& content = *seen(f, at);
  const auto found = content.find(key);
  if (found == content.end()) return std::nullopt;
  return std::optional<std::string>(found->second);
}

scan memory_database::range(family f, scan_range r, const snapshot* at) const {
  return scan(std::make_unique<cursor>(seen(f, at), r));
}

result<std::optional<std::pair<std::string, std::string>>> memory_database::last(family f) const {
  const rows& content = *tables_.at(f.index).content;
  if (content.empty()) return std::nullopt;
  return std::optional<std::pair<std::string, std::string>>(*content.rbegin());
}

snapshot memory_database::take_snapshot() const {
  auto taken = std::make_unique<moment>();
  taken->tables.reserve(tables_.size());
  for (const table& t : tables_) taken->tables.push_back(t.content);
  return snapshot(std::move(taken));
}

result<void> memory_database::commit(write_batch& batch, durability d) {
  const bool synced = d == durability::synced;
  if (synced) {
    std::erase_if(unsynced_, [](const undo& u) { return u.logged; });
    ++syncs_;
  }
  batch.each([&](write_batch::change what, family f, std::string_view key, std::string_view value) {
    rows& content = changeable(f.index);
    const auto found = content.find(key);
    if (!synced) {
      unsynced_.push_back({f.index, std::string(key),
                           found == content.end() ? std::nullopt : std::optional(found->second),
                           d == durability::buffered});
    }
    if (what == write_batch::change::erase) {
      if (found != content.end()) content.erase(found);
    } else if (found != content.end()) {
      found->second.assign(value);
    } else {
      content.emplace(key, value);
    }
  });
  return {};
}

result<void> memory_database::clear(family f) {
  tables_.at(f.index).content = std::make_shared<rows>();
  std::erase_if(unsynced_, [&](const undo& u) { return u.family_index == f.index; });
  return {};
}

result<void> memory_database::flush() {
  unsynced_.clear();
  return {};
}

void memory_database::crash() {
  for (; !unsynced_.empty(); unsynced_.pop_back()) {
    undo& last = unsynced_.back();
    rows& content = changeable(last.family_index);
    if (last.before) {
      content.insert_or_assign(std::move(last.key), *std::move(last.before));
    } else {
      content.erase(last.key);
    }
  }
}

}  // namespace longshore::storage::testing
