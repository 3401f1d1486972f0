#include "storage/overlay.h"

#include <utility>

namespace longshore::storage {

overlay::rows& overlay::of(family f) {
  if (families_.size() <= f.index) families_.resize(f.index + 1u);
  return families_[f.index];
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
  size_bytes_ += key.size() + (*stored ? (*stored)->size() : 0) + sizeof(row);
  return known.emplace_hint(at, std::string(key), row{*std::move(stored), false})->second.value;
}

void overlay::change(family f, std::string_view key, std::optional<std::string> value) {
  rows& known = of(f);
  size_bytes_ += key.size() + (value ? value->size() : 0) + sizeof(row);
  const auto at = known.lower_bound(key);
  if (at != known.end() && at->first == key) {
    at->second = {std::move(value), true};
  } else {
    known.emplace_hint(at, std::string(key), row{std::move(value), true});
  }
}

void overlay::put(family f, std::string_view key, std::string_view value) { change(f, key, std::string(value)); }
void overlay::erase(family f, std::string_view key) { change(f, key, std::nullopt); }

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
