#include "log/quarantine.h"

#include "log/layout.h"
#include "storage/packed.h"

namespace longshore::log {

namespace {

// Rows:
//   quarantine.entries  be64(number)               -> received, source, reason, content type, body
//   quarantine.seen     32 bytes of SHA-256        -> be64(number)      over source and body, of every kept entry
//   quarantine.seen     "state"                    -> first kept number, next number, bytes kept
constexpr std::string_view state_key = "state";

std::string pack(const quarantined& q) {
  return storage::packer()
      .number(static_cast<std::uint64_t>(q.received.us))
      .text(q.source)
      .text(q.reason)
      .text(q.content_type)
      .text(q.body)
      .take();
}

std::optional<quarantined> unpack(std::string_view key, std::string_view value) {
  const auto number = to_number(key);
  storage::unpacker in(value);
  quarantined q;
  q.received = {static_cast<std::int64_t>(in.number())};
  q.source = in.text();
  q.reason = in.text();
  q.content_type = in.text();
  q.body = in.text();
  if (!number || !in.ok()) return std::nullopt;
  q.number = *number;
  return q;
}

std::string seen_key(const quarantined& q) {
  const hash256 hash = sha256(to_key(q.source.size()), q.source, q.body);
  return std::string(bytes_of(hash));
}

std::unexpected<error> bad_row() {
  return fail(errc::corrupt, "a row of the quarantine cannot be read; restore the data directory");
}

}  // namespace

std::vector<storage::family_spec> quarantine::families() {
  return {{"quarantine.entries", storage::family_kind::append_only}, {"quarantine.seen", storage::family_kind::lookup}};
}

quarantine::quarantine(storage::database& db, quarantine_limits limits)
    : db_(&db), entries_(db.named("quarantine.entries")), seen_(db.named("quarantine.seen")), limits_(limits) {}

result<std::unique_ptr<quarantine>> quarantine::open(storage::database& db, quarantine_limits limits) {
  std::unique_ptr<quarantine> opened(new quarantine(db, limits));
  auto stored = db.get(opened->seen_, state_key);
  if (!stored) return pass(std::move(stored));
  if (!*stored) return opened;
  storage::unpacker in(**stored);
  opened->kept_.first = in.number();
  opened->next_ = in.number();
  opened->kept_.bytes = in.number();
  if (!in.ok() || opened->kept_.first > opened->next_) return bad_row();
  return opened;
}

result<void> quarantine::add(quarantined entry) {
  const std::string seen = seen_key(entry);
  auto known = db_->get(seen_, seen);
  if (!known) return pass(std::move(known));
  if (*known) return {};

  entry.number = next_.load(std::memory_order_relaxed);
  const std::string row = pack(entry);
  storage::write_batch batch;
  batch.put(entries_, to_key(entry.number), row);
  batch.put(seen_, seen, to_key(entry.number));
  kept_set kept{kept_.first, kept_.bytes + row.size()};
  if (auto trimmed = trim(batch, kept, entry.number + 1); !trimmed) return trimmed;
  batch.put(seen_, state_key, storage::packer().number(kept.first).number(entry.number + 1).number(kept.bytes).take());
  if (auto done = db_->commit(batch, storage::durability::synced); !done) return done;
  kept_ = kept;
  next_.store(entry.number + 1, std::memory_order_release);
  return {};
}

// Lets the oldest go until what is kept, without the newest, is within the limits.
result<void> quarantine::trim(storage::write_batch& batch, kept_set& kept, std::uint64_t end) const {
  while (kept.first + 1 < end && (end - kept.first > limits_.entries_max || kept.bytes > limits_.bytes_max)) {
    const std::string key = to_key(kept.first);
    auto row = db_->get(entries_, key);
    if (!row) return pass(std::move(row));
    const auto oldest = *row ? unpack(key, **row) : std::nullopt;
    if (!oldest || (*row)->size() > kept.bytes) return bad_row();
    batch.erase(entries_, key);
    batch.erase(seen_, seen_key(*oldest));
    kept.bytes -= (*row)->size();
    ++kept.first;
  }
  return {};
}

std::uint64_t quarantine::count() const { return next_.load(std::memory_order_acquire); }

result<std::vector<quarantined>> quarantine::list(std::uint64_t from, std::size_t most) const {
  std::vector<quarantined> found;
  auto rows = db_->range(entries_, {to_key(from), std::nullopt, 0});
  for (; rows.valid() && found.size() < most; rows.next()) {
    auto q = unpack(rows.key(), rows.value());
    if (!q) return bad_row();
    found.push_back(*std::move(q));
  }
  if (auto whole = rows.status(); !whole) return pass(std::move(whole));
  return found;
}

}  // namespace longshore::log
