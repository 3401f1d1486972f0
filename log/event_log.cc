#include "log/event_log.h"

#include <algorithm>
#include <array>
#include <limits>
#include <random>

#include "log/layout.h"
#include "storage/env/ensure.h"

namespace longshore::log {

namespace {

constexpr std::size_t readahead_bytes = 1u << 20;

std::string in(std::string_view log_name, std::string_view part) {
  return std::string(log_name) + "." + std::string(part);
}

std::unexpected<error> damaged(const std::string& log_name, std::uint64_t seq, const std::string& what) {
  return fail(errc::corrupt, log_name + ": record " + std::to_string(seq) + " " + what +
                                 "; run `longshore log verify` on the data directory, and restore it from a copy (a "
                                 "secondary may begin anew with an empty one instead)");
}

std::string random_identity() {
  std::random_device device;
  std::array<std::uint8_t, 16> bytes;
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(device());
  return to_hex(bytes);
}

}  // namespace

std::vector<storage::family_spec> families_of(std::string_view log_name) {
  using enum storage::family_kind;
  return {{in(log_name, "records"), append_only},
          {in(log_name, "dedup"), lookup},
          {in(log_name, "times"), append_only},
          {in(log_name, "merkle"), append_only},
          {in(log_name, "meta"), lookup}};
}

event_log::event_log(storage::database& db, std::string name)
    : db_(&db),
      name_(std::move(name)),
      records_(db.named(in(name_, "records"))),
      dedup_(db.named(in(name_, "dedup"))),
      times_(db.named(in(name_, "times"))),
      merkle_(db.named(in(name_, "merkle"))),
      meta_(db.named(in(name_, "meta"))) {}

result<std::unique_ptr<event_log>> event_log::open(storage::database& db, std::string name) {
  std::unique_ptr<event_log> log(new event_log(db, std::move(name)));
  if (auto loaded = log->load_tail(); !loaded) return pass(std::move(loaded));
  if (auto loaded = log->load_identity(); !loaded) return pass(std::move(loaded));
  return log;
}

result<void> event_log::load_identity() {
  auto stored = db_->get(meta_, identity_key);
  if (!stored) return pass(std::move(stored));
  if (*stored) {
    identity_ = **stored;
    return {};
  }
  if (durable_size() > 0) {
    return fail(errc::corrupt, name_ + ": the log has records and no identity; restore the data directory");
  }
  if (db_->read_only()) return {};
  return adopt_identity(random_identity());
}

result<void> event_log::adopt_identity(std::string_view identity) {
  if (identity.empty() || identity.size() > 64) {
    return fail(errc::invalid, "a log's identity has 1 to 64 bytes");
  }
  if (identity == identity_) return {};
  if (durable_size() > 0) {
    return fail(errc::conflict, name_ + ": this is a copy of another log (" + identity_ + ", not " +
                                    std::string(identity) +
                                    "); to follow the new one, begin with an empty data directory");
  }
  storage::write_batch batch;
  batch.put(meta_, identity_key, identity);
  if (auto done = db_->commit(batch, storage::durability::synced); !done) return done;
  identity_ = identity;
  return {};
}

// The end is where the records end. The Merkle hashes, the last record and what the last commit left about the
// end must all agree with that.
result<void> event_log::load_tail() {
  auto last = db_->last(records_);
  if (!last) return pass(std::move(last));
  auto left = db_->get(meta_, tail_key);
  if (!left) return pass(std::move(left));
  if (!*last && !*left) return {};

  const auto promised = *left ? to_tail(**left) : std::nullopt;
  if (!promised) return damaged(name_, 0, "stands in a log whose end is not marked");
  if (!*last) return damaged(name_, 0, "is missing");
  const auto seq = to_number((*last)->first);
  if (!seq) return damaged(name_, promised->size, "has a key that is not a seq");
  if (*seq + 1 != promised->size) {
    return damaged(name_, std::min(*seq + 1, promised->size),
                   *seq + 1 < promised->size ? "is missing" : "is not covered by the last commit");
  }
  const std::string& record = (*last)->second;
  const auto seen = view_of(record);
  if (!seen) return damaged(name_, *seq, "is not a record");
  if (seen->seq.value != *seq) return damaged(name_, *seq, "says it is " + std::to_string(seen->seq.value));

  auto leaf = subtree(0, *seq);
  if (!leaf) return pass(std::move(leaf));
  if (*leaf != leaf_hash(record)) return damaged(name_, *seq, "does not have its stored Merkle hash");
  auto edge = frontier_at(promised->size, [this](auto level, auto index) { return subtree(level, index); });
  if (!edge) return pass(std::move(edge));
  if (edge->root() != promised->root) {
    return damaged(name_, *seq, "or one before it does not lead to the stored Merkle root");
  }
  frontier_ = *std::move(edge);
  last_recorded_ = seen->recorded;
  durable_size_.store(promised->size, std::memory_order_release);
  return {};
}

result<page> event_log::read(event_seq from, std::size_t bytes_max) const {
  page p{from, {}};
  std::size_t bytes = 0;
  auto walked =
      fold(from, std::numeric_limits<std::uint64_t>::max(), [&](event_seq, std::string_view record) -> result<bool> {
        if (!p.records.empty() && bytes + record.size() > bytes_max) return false;
        bytes += record.size();
        p.records.emplace_back(record);
        return bytes < bytes_max;
      });
  if (!walked) return pass(std::move(walked));
  return p;
}

result<std::string> event_log::record(event_seq seq) const {
  if (seq.value >= durable_size()) {
    return fail(errc::not_found, name_ + ": there is no record " + std::to_string(seq.value) + " yet");
  }
  auto stored = db_->get(records_, to_key(seq));
  if (!stored) return pass(std::move(stored), name_ + ": record " + std::to_string(seq.value));
  if (!*stored) return damaged(name_, seq.value, "is missing");
  if (seq_of(**stored) != seq) return damaged(name_, seq.value, "is not the record of that seq");
  return **std::move(stored);
}

result<void> event_log::fold(event_seq from, std::uint64_t to,
                             const std::function<result<bool>(event_seq, std::string_view)>& visit) const {
  const std::uint64_t end = std::min(to, durable_size());
  if (from.value >= end) return {};
  storage::scan_range range{to_key(from), to_key(end), 0};
  constexpr std::uint64_t long_walk = 4'096;
  if (end - from.value > long_walk && to != std::numeric_limits<std::uint64_t>::max()) {
    range.readahead_bytes = readahead_bytes;
  }
  auto rows = db_->range(records_, std::move(range));
  std::uint64_t next = from.value;
  for (; rows.valid(); rows.next(), ++next) {
    if (to_number(rows.key()) != next) break;
    const std::string_view record = rows.value();
    if (seq_of(record) != event_seq{next}) return damaged(name_, next, "is not the record of that seq");
    auto more = visit({next}, record);
    if (!more) return pass(std::move(more));
    if (!*more) return {};
  }
  if (auto whole = rows.status(); !whole) {
    return pass(std::move(whole), name_ + ": record " + std::to_string(next));
  }
  if (next != end) return damaged(name_, next, "is missing");
  return {};
}

result<std::optional<event_seq>> event_log::find(std::string_view origin, std::string_view id) const {
  if (id.empty()) return std::nullopt;
  auto stored = db_->get(dedup_, dedup_key(origin, id));
  if (!stored) return pass(std::move(stored));
  if (!*stored) return std::nullopt;
  const auto seq = to_number(**stored);
  if (!seq) return fail(errc::corrupt, name_ + ": the dedup index has an entry that is not a seq");
  if (*seq >= durable_size()) return std::nullopt;
  return event_seq{*seq};
}

result<std::uint64_t> event_log::size_at(timestamp t) const {
  const std::uint64_t size = durable_size();
  if (t.us < 0) return 0;
  auto later = db_->range(times_, {to_key(static_cast<std::uint64_t>(t.us) + 1), std::nullopt, 0});
  if (auto readable = later.status(); !readable) return pass(std::move(readable));
  if (!later.valid()) return size;
  const auto seq = later.key().size() == 16 ? from_key(later.key().substr(8)) : std::nullopt;
  if (!seq) return fail(errc::corrupt, name_ + ": the time index has a key that is not a time and a seq");
  return std::min(*seq, size);
}

timestamp event_log::last_recorded() const { return last_recorded_; }

result<hash256> event_log::root_at(std::uint64_t size) const {
  if (size > durable_size()) {
    return fail(errc::not_found, name_ + ": the log has no " + std::to_string(size) + " records yet");
  }
  return log::root_at(size, [this](auto level, auto index) { return subtree(level, index); });
}

result<hash256> event_log::subtree(std::uint8_t level, std::uint64_t index) const {
  auto stored = db_->get(merkle_, merkle_key(level, index));
  if (!stored) return pass(std::move(stored));
  const auto hash = *stored ? to_hash(**stored) : std::nullopt;
  if (!hash) {
    return damaged(name_, level < 64 ? index << level : 0,
                   "begins a subtree (level " + std::to_string(level) + ") whose Merkle hash is missing");
  }
  return *hash;
}

}  // namespace longshore::log
