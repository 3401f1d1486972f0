#include "log/verifier.h"

#include <algorithm>
#include <map>

#include "log/layout.h"

namespace longshore::log {

namespace {

constexpr std::size_t readahead_bytes = 1u << 20;
constexpr std::uint64_t progress_every = 65'536;

struct families {
  storage::family records, dedup, times, merkle, meta;
};

families families_in(storage::database& db, std::string_view log_name) {
  const auto named = [&](const char* part) { return db.named(std::string(log_name) + "." + part); };
  return {named("records"), named("dedup"), named("times"), named("merkle"), named("meta")};
}

using verdict = std::optional<std::string>;  // what is wrong, or nothing

// Walks a family in step with what the records say it must hold.
class expected_rows {
 public:
  expected_rows(storage::database& db, storage::family f, storage::scan_range r, const char* what)
      : rows_(db.range(f, std::move(r))), what_(what) {}

  verdict next_is(std::string_view key, std::string_view value) {
    if (auto readable = rows_.status(); !readable) return cannot_read(readable.error());
    if (!rows_.valid() || rows_.key() > key) return "its entry in " + what_ + " is missing";
    if (rows_.key() != key) return "there is an entry in " + what_ + " that belongs to no record";
    if (rows_.value() != value) return "its entry in " + what_ + " is not what its bytes say";
    rows_.next();
    return std::nullopt;
  }
  verdict is_at_end() const {
    if (auto readable = rows_.status(); !readable) return cannot_read(readable.error());
    if (rows_.valid()) return what_ + " has an entry that belongs to no record";
    return std::nullopt;
  }

 private:
  verdict cannot_read(const error& e) const { return what_ + " cannot be read: " + e.text; }
  storage::scan rows_;
  std::string what_;
};

class walk {
 public:
  walk(storage::database& db, std::string_view log_name)
      : db_(&db), f_(families_in(db, log_name)), times_(db, f_.times, long_range({}), "the time index") {}

  result<verification> run(const std::function<void(std::uint64_t)>& progress, std::optional<std::uint64_t> first);

 private:
  static storage::scan_range long_range(std::string lower) { return {std::move(lower), std::nullopt, readahead_bytes}; }

  verdict check(std::uint64_t seq, std::string_view key, std::string_view record);
  verdict check_dedup(const event_view& e);
  verdict check_merkle(frontier& with, const hash256& leaf);
  std::optional<finding> check_end();
  std::optional<finding> check_extra_dedup();
  std::optional<finding> check_extra_merkle();
  verdict check_dedup_entry(std::string_view key, std::string_view value, std::uint64_t& seq);
  expected_rows& level(std::uint8_t n);

  storage::database* db_;
  families f_;
  expected_rows times_;
  std::map<std::uint8_t, expected_rows> levels_;  // at most 64
  frontier edge_;
  timestamp recorded_;
  std::uint64_t with_id_ = 0;
};

expected_rows& walk::level(std::uint8_t n) {
  const auto found = levels_.find(n);
  if (found != levels_.end()) return found->second;
  storage::scan_range range = storage::with_prefix(std::string(1, static_cast<char>(n)));
  return levels_.try_emplace(n, *db_, f_.merkle, std::move(range), "the Merkle hashes").first->second;
}

verdict walk::check(std::uint64_t seq, std::string_view key, std::string_view record) {
  const auto stored_at = to_number(key);
  if (!stored_at) return "the key after it is not a seq";
  if (*stored_at != seq) return "it is missing: the next record stored is " + std::to_string(*stored_at);
  const auto e = view_of(record);
  if (!e) return e.error().text;
  if (e->seq.value != seq)
    return "it stands in the place of this record and says it is " + std::to_string(e->seq.value);
  if (e->recorded < recorded_) {
    return "it was recorded at " + to_rfc3339(e->recorded) + ", before its predecessor (" + to_rfc3339(recorded_) + ")";
  }
  frontier with = edge_;
  if (auto bad = check_merkle(with, leaf_hash(record))) return bad;
  if (auto bad = times_.next_is(time_key(e->recorded, e->seq), {})) return bad;
  if (auto bad = check_dedup(*e)) return bad;
  edge_ = std::move(with);
  recorded_ = e->recorded;
  return std::nullopt;
}

// with becomes the tree with this record; what the append completes must be what is stored.
verdict walk::check_merkle(frontier& with, const hash256& leaf) {
  verdict bad;
  with.append(leaf, [&](std::uint8_t n, std::uint64_t index, const hash256& hash) {
    if (bad) return;
    bad = level(n).next_is(merkle_key(n, index), bytes_of(hash));
    if (bad && n == 0) bad = "its bytes and its stored Merkle hash differ, or the hash is gone (" + *bad + ")";
  });
  return bad;
}

verdict walk::check_dedup(const event_view& e) {
  if (e.id.empty()) return std::nullopt;
  auto stored = db_->get(f_.dedup, dedup_key(e.origin, e.id));
  if (!stored) return "the dedup index cannot be read: " + stored.error().text;
  if (!*stored) return "its entry in the dedup index is missing";
  const auto seq = to_number(**stored);
  if (!seq) return "its entry in the dedup index is not a seq";
  if (*seq != e.seq.value) {
    return "the dedup index says that its id is that of record " + std::to_string(*seq) +
           ": one of them is a double, or the entry is wrong";
  }
  ++with_id_;
  return std::nullopt;
}

// Which record an entry of the dedup index speaks of, and whether that record has its id.
verdict walk::check_dedup_entry(std::string_view key, std::string_view value, std::uint64_t& seq) {
  const auto said = to_number(value);
  seq = said ? std::min(*said, edge_.size()) : edge_.size();
  if (!said) return "the dedup index has an entry that is not a seq";
  if (*said >= edge_.size()) return "the dedup index has an entry for record " + std::to_string(*said);
  auto record = db_->get(f_.records, to_key(*said));
  if (!record) return "it cannot be read: " + record.error().text;
  const auto e = *record ? view_of(**record) : result<event_view>(fail(errc::not_found, {}));
  if (e && !e->id.empty() && dedup_key(e->origin, e->id) == key) return std::nullopt;
  return "the dedup index has an entry for it under an id that it does not have";
}

std::optional<finding> walk::check_extra_dedup() {
  std::uint64_t count = 0;
  auto rows = db_->range(f_.dedup, long_range({}));
  for (; rows.valid(); rows.next()) ++count;
  if (auto readable = rows.status(); !readable) {
    return finding{{edge_.size()}, "the dedup index cannot be read: " + readable.error().text};
  }
  if (count == with_id_) return std::nullopt;
  std::optional<finding> first;
  auto again = db_->range(f_.dedup, long_range({}));
  for (; again.valid(); again.next()) {
    std::uint64_t seq = 0;
    auto bad = check_dedup_entry(again.key(), again.value(), seq);
    if (bad && (!first || seq < first->seq.value)) first = finding{{seq}, *std::move(bad)};
  }
  if (first) return first;
  return finding{{edge_.size()}, "the dedup index has entries that belong to no record"};
}

std::optional<finding> walk::check_extra_merkle() {
  for (const auto& [n, rows] : levels_) {
    if (auto bad = rows.is_at_end()) return finding{{edge_.size()}, *std::move(bad)};
  }
  const int above = levels_.empty() ? 0 : levels_.rbegin()->first + 1;
  const expected_rows rest(*db_, f_.merkle, {std::string(1, static_cast<char>(above)), std::nullopt, 0},
                           "the Merkle hashes");
  if (auto bad = rest.is_at_end()) return finding{{edge_.size()}, *std::move(bad)};
  return std::nullopt;
}

// After the last record: nothing more in any index, and the mark of the last commit.
std::optional<finding> walk::check_end() {
  const std::uint64_t size = edge_.size();
  auto stored = db_->get(f_.meta, tail_key);
  if (!stored) return finding{{size}, "the mark of the log's end cannot be read: " + stored.error().text};
  const auto marked = *stored ? to_tail(**stored) : std::nullopt;
  if (*stored && !marked) return finding{{size}, "the mark of the log's end is not a size and a root"};
  if (marked && marked->size > size) {
    return finding{{size}, "it is missing: the log had " + std::to_string(marked->size) + " records"};
  }
  if ((marked ? marked->size : 0) < size) {
    return finding{{marked ? marked->size : 0}, "it stands behind the end that the last commit marked"};
  }
  if (marked && marked->root != edge_.root()) {
    return finding{{size == 0 ? 0 : size - 1}, "the Merkle root marked by the last commit is another one"};
  }
  if (auto bad = times_.is_at_end()) return finding{{size}, *std::move(bad)};
  if (auto bad = check_extra_merkle()) return bad;
  return check_extra_dedup();
}

result<verification> walk::run(const std::function<void(std::uint64_t)>& progress, std::optional<std::uint64_t> first) {
  verification v;
  const auto note_root = [&] {
    if (first == edge_.size()) v.root_at = edge_.root();
  };
  note_root();
  auto rows = db_->range(f_.records, long_range({}));
  for (; rows.valid() && !v.bad; rows.next()) {
    const std::uint64_t seq = edge_.size();
    if (auto bad = check(seq, rows.key(), rows.value())) v.bad = finding{{seq}, *std::move(bad)};
    if (!v.bad) note_root();
    if (progress && seq % progress_every == 0) progress(seq);
  }
  v.size = edge_.size();
  v.root = edge_.root();
  if (v.bad) return v;
  if (auto readable = rows.status(); !readable) {
    v.bad = finding{{v.size}, "it cannot be read: " + readable.error().text};
    return v;
  }
  v.bad = check_end();
  return v;
}

}  // namespace

result<verification> verify(storage::database& db, std::string_view log_name,
                            const std::function<void(std::uint64_t)>& progress, std::optional<std::uint64_t> first) {
  return walk(db, log_name).run(progress, first);
}

}  // namespace longshore::log
