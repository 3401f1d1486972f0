#include "log/cursors.h"

#include "log/layout.h"

namespace longshore::log {

namespace {

constexpr std::size_t name_bytes_max = 255;

std::string cursor_key(std::string_view consumer) { return std::string(cursor_prefix) + std::string(consumer); }

std::unexpected<error> not_a_size(std::string_view consumer) {
  return fail(errc::corrupt, "the stored cursor of " + std::string(consumer) + " cannot be read");
}

}  // namespace

result<std::uint64_t> cursors::get(std::string_view consumer) const {
  auto stored = log_->base().get(log_->meta(), cursor_key(consumer));
  if (!stored) return pass(std::move(stored));
  if (!*stored) return 0;
  const auto size = to_number(**stored);
  if (!size) return not_a_size(consumer);
  return *size;
}

result<void> cursors::set(std::string_view consumer, std::uint64_t size) { return move(consumer, size, false); }
result<void> cursors::set_back(std::string_view consumer, std::uint64_t size) { return move(consumer, size, true); }

result<void> cursors::move(std::string_view consumer, std::uint64_t size, bool back) {
  if (consumer.empty() || consumer.size() > name_bytes_max) {
    return fail(errc::invalid, "a cursor's name has 1 to 255 bytes");
  }
  const std::lock_guard hold(setting_);
  auto before = get(consumer);
  if (!before) return pass(std::move(before));
  if (size < *before && !back) {
    return fail(errc::conflict, "the cursor of " + std::string(consumer) + " is at " + std::to_string(*before) +
                                    " and cannot go back to " + std::to_string(size));
  }
  if (size > log_->durable_size()) {
    return fail(errc::conflict, "the cursor of " + std::string(consumer) + " cannot be at " + std::to_string(size) +
                                    ": the log ends at " + std::to_string(log_->durable_size()));
  }
  if (size == *before) return {};
  storage::write_batch batch;
  batch.put(log_->meta(), cursor_key(consumer), to_key(size));
  return log_->base().commit(batch, storage::durability::synced);
}

result<void> cursors::forget(std::string_view consumer) {
  const std::lock_guard hold(setting_);
  storage::write_batch batch;
  batch.erase(log_->meta(), cursor_key(consumer));
  return log_->base().commit(batch, storage::durability::synced);
}

result<std::map<std::string, std::uint64_t>> cursors::all() const {
  std::map<std::string, std::uint64_t> found;
  auto rows = log_->base().range(log_->meta(), storage::with_prefix(cursor_prefix));
  for (; rows.valid(); rows.next()) {
    const std::string_view consumer = rows.key().substr(cursor_prefix.size());
    const auto size = to_number(rows.value());
    if (!size) return not_a_size(consumer);
    found.emplace(consumer, *size);
  }
  if (auto whole = rows.status(); !whole) return pass(std::move(whole));
  return found;
}

}  // namespace longshore::log
