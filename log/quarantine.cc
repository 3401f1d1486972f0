#include "log/quarantine.h"

#include <algorithm>

#include "log/layout.h"
#include "storage/packed.h"

namespace longshore::log {

namespace {

// Rows:
//   quarantine.entries  be64(number)               -> received, source, reason, content type, body
//   quarantine.seen     32 bytes of SHA-256        -> be64(number)      over source and body, of every kept entry
//   quarantine.seen     "state"                    -> first kept number, next number, bytes kept
// Numbers have holes where the entries of one source made room.
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
  const std::uint64_t first = in.number();
  opened->next_ = in.number();
  in.number();
  if (!in.ok() || first > opened->next_) return bad_row();
  if (auto read = opened->read_kept(); !read) return pass(std::move(read));
  return opened;
}

result<void> quarantine::read_kept() {
  auto rows = db_->range(entries_, {});
  for (; rows.valid(); rows.next()) {
    const auto q = unpack(rows.key(), rows.value());
    if (!q) return bad_row();
    share& of = kept_[q->source];
    of.entries.emplace_back(q->number, rows.value().size());
    of.bytes += rows.value().size();
    newest_us_ = q->received.us;  // in the order of their numbers
  }
  return rows.status();
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
  const auto going = make_room(entry.source, row.size());
  if (auto staged = stage_leaving(batch, going); !staged) return staged;
  share& of = kept_[entry.source];
  of.entries.emplace_back(entry.number, row.size());
  of.bytes += row.size();
  for (const leaving& one : going) {
    share& from = kept_[one.source];
    from.entries.pop_front();
    from.bytes -= one.bytes;
  }
  std::uint64_t bytes = 0;
  for (const auto& [source, kept] : kept_) bytes += kept.bytes;
  batch.put(seen_, state_key, storage::packer().number(first_kept()).number(entry.number + 1).number(bytes).take());
  if (auto done = db_->commit(batch, storage::durability::synced); !done) return done;  // and nothing is written again
  newest_us_.store(entry.received.us, std::memory_order_relaxed);
  next_.store(entry.number + 1, std::memory_order_release);
  return {};
}

std::uint64_t quarantine::first_kept() const {
  std::uint64_t first = UINT64_MAX;
  for (const auto& [source, of] : kept_) {
    if (!of.entries.empty()) first = std::min(first, of.entries.front().first);
  }
  return first;
}

// Which must go for an entry of this source with so many bytes: the oldest of whoever has most of what there is too
// much of, and of equals the one with the oldest. The new entry stays whatever its size.
std::vector<quarantine::leaving> quarantine::make_room(const std::string& source, std::uint64_t bytes) const {
  std::uint64_t entries_kept = 1, bytes_kept = bytes;
  for (const auto& [name, of] : kept_) entries_kept += of.entries.size(), bytes_kept += of.bytes;
  if (entries_kept <= limits_.entries_max && bytes_kept <= limits_.bytes_max) return {};
  shares rest = kept_;
  std::vector<leaving> going;
  while (entries_kept > 1 && (entries_kept > limits_.entries_max || bytes_kept > limits_.bytes_max)) {
    const bool by_bytes = bytes_kept > limits_.bytes_max;
    const auto size_of = [&](const auto& named) {
      const auto& [name, of] = named;
      const bool grows = name == source;
      return by_bytes ? of.bytes + (grows ? bytes : 0) : of.entries.size() + (grows ? 1 : 0);
    };
    auto most = rest.end();
    for (auto at = rest.begin(); at != rest.end(); ++at) {
      if (at->second.entries.empty()) continue;
      const bool more =
          most == rest.end() || size_of(*at) > size_of(*most) ||
          (size_of(*at) == size_of(*most) && at->second.entries.front().first < most->second.entries.front().first);
      if (more) most = at;
    }
    const auto [number, size] = most->second.entries.front();
    most->second.entries.pop_front();
    most->second.bytes -= size;
    --entries_kept;
    bytes_kept -= size;
    going.push_back({most->first, number, size});
  }
  return going;
}

result<void> quarantine::stage_leaving(storage::write_batch& batch, const std::vector<leaving>& all) const {
  for (const leaving& one : all) {
    const std::string key = to_key(one.number);
    auto row = db_->get(entries_, key);
    if (!row) return pass(std::move(row));
    const auto oldest = *row ? unpack(key, **row) : std::nullopt;
    if (!oldest) return bad_row();
    batch.erase(entries_, key);
    batch.erase(seen_, seen_key(*oldest));
  }
  return {};
}

std::uint64_t quarantine::count() const { return next_.load(std::memory_order_acquire); }
timestamp quarantine::newest_at() const { return {newest_us_.load(std::memory_order_relaxed)}; }

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
