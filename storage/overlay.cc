#include "storage/overlay.h"

#include <utility>

namespace longshore::storage {

overlay::rows& overlay::of(family f) {
  if (families_.size() <= f.index) families_.resize(f.index + 1u);
  return families_[f.index];
}

std::size_t overlay::size_of(std::string_view key, const row& r) {
  return key.size() + (r.value ? r.value->size() : 0) + sizeof(row);
}

std::optional<std::string> overlay::get(family f, std::string_view key) {
  rows& known = of(f);
  const auto at = known.lower_bound(key);
  if (at != known.end() && at->first == key) return at->second.value;
  auto stored = base_->get(f, key);
  if (!stored) {
    if (!failed_) failed_ = std::move(stored).error();
    return std::nullopt;
  }
  const bool is_new = !stored->has_value();
  row read{*std::move(stored), false, is_new};
  size_bytes_ += size_of(key, read);
  return known.emplace_hint(at, std::string(key), std::move(read))->second.value;
}

void overlay::put(family f, std::string_view key, std::string_view value, bool is_new) {
  rows& known = of(f);
  auto at = known.lower_bound(key);
  if (at != known.end() && at->first == key) {
    row& r = at->second;
    size_bytes_ -= size_of(key, r);
    r.value = value;
    r.changed = true;
  } else {
    at = known.emplace_hint(at, std::string(key), row{std::string(value), true, is_new});
  }
  size_bytes_ += size_of(key, at->second);
}

void overlay::put(family f, std::string_view key, std::string_view value) { put(f, key, value, false); }
void overlay::put_new(family f, std::string_view key, std::string_view value) { put(f, key, value, true); }

void overlay::erase(family f, std::string_view key) {
  rows& known = of(f);
  const auto at = known.lower_bound(key);
  if (at == known.end() || at->first != key) {
    size_bytes_ += size_of(key, {});
    known.emplace_hint(at, std::string(key), row{std::nullopt, true, false});
    return;
  }
  size_bytes_ -= size_of(key, at->second);
  if (at->second.is_new) {
    known.erase(at);
    return;
  }
  at->second = {std::nullopt, true, false};
  size_bytes_ += size_of(key, at->second);
}

void overlay::scan_range(family f, storage::scan_range r,
                         const std::function<bool(std::string_view, std::string_view)>& visit) {
  const rows& known = of(f);
  auto stored = base_->range(f, r);
  auto mine = known.lower_bound(r.lower);
  const auto in_range = [&] { return mine != known.end() && (!r.upper || mine->first < *r.upper); };
  while (stored.valid() || in_range()) {
    // What the overlay knows of a key hides the stored row.
    if (in_range() && (!stored.valid() || mine->first <= stored.key())) {
      if (stored.valid() && mine->first == stored.key()) stored.next();
      const auto& [key, known_row] = *mine++;
      if (known_row.value && !visit(key, *known_row.value)) return;
    } else {
      if (!visit(stored.key(), stored.value())) return;
      stored.next();
    }
  }
  if (auto read = stored.status(); !read && !failed_) failed_ = std::move(read).error();
}

result<void> overlay::drain(write_batch& batch) {
  if (failed_) return std::unexpected(*failed_);
  for (std::uint32_t index = 0; index < families_.size(); ++index) {
    for (const auto& [key, known_row] : families_[index]) {
      if (!known_row.changed) continue;
      if (known_row.value) {
        batch.put({index}, key, *known_row.value);
      } else {
        batch.erase({index}, key);
      }
    }
    families_[index].clear();
  }
  size_bytes_ = 0;
  return {};
}

}  // namespace longshore::storage
