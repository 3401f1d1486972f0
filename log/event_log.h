#pragma once

// One log in a database: records, dedup index, time index, Merkle hashes, views' positions. What is stored, and
// how it is read; the only writer is the log's sequencer.
//
// Several logs may share a database; each has a name, which prefixes its families ("log", "journal"). All families
// a log needs are named by families_of(name), which the database must be opened with.
// Every read sees only what is durable: reads stop at durable_size(), which moves after the synced commit.
// Reads may come from any thread.
// open() derives the tail from the records and refuses (errc::corrupt, naming the seq) a log whose last record,
// Merkle hashes or density do not agree.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "log/event.h"
#include "log/merkle.h"
#include "storage/database.h"
#include "storage/overlay.h"

namespace longshore::log {

std::vector<storage::family_spec> families_of(std::string_view log_name);

struct page {
  event_seq first;                   // of records.front()
  std::vector<std::string> records;  // consecutive, stored bytes
};

class event_log {
 public:
  static result<std::unique_ptr<event_log>> open(storage::database& db, std::string name);

  const std::string& name() const { return name_; }
  // A random identity given at creation, copied by followers: "is this the same log" (not security).
  // Empty for a log that is open for reading only and was never written.
  const std::string& identity() const { return identity_; }
  // Takes over the identity of the log that this one copies. Only while empty: errc::conflict otherwise.
  result<void> adopt_identity(std::string_view identity);

  // Records below this seq are durable and readable.
  std::uint64_t durable_size() const { return durable_size_.load(std::memory_order_acquire); }

  // Records from `from` on, up to bytes_max (at least one if there is one). Empty at the durable end. A gap or
  // an unreadable record is errc::corrupt, naming the seq.
  result<page> read(event_seq from, std::size_t bytes_max) const;
  result<std::string> record(event_seq seq) const;  // errc::not_found at or past the durable end
  // Calls visit for records [from, to) in order, without copying or filling caches; visit returns false to stop.
  // Fails on a gap, on a record whose stored seq is not its key, on a read error, and with visit's own failure.
  result<void> fold(event_seq from, std::uint64_t to,
                    const std::function<result<bool>(event_seq, std::string_view)>& visit) const;

  // The seq that already holds this (origin, id), if any.
  result<std::optional<event_seq>> find(std::string_view origin, std::string_view id) const;
  // How many records were recorded at or before t: the size of the log as it was then.
  result<std::uint64_t> size_at(timestamp t) const;
  timestamp last_recorded() const;  // 0 for an empty log; the sequencer's thread only

  result<hash256> root_at(std::uint64_t size) const;
  result<hash256> subtree(std::uint8_t level, std::uint64_t index) const;

  // Families, for those who fold or verify offline.
  storage::family records() const { return records_; }
  storage::family dedup() const { return dedup_; }
  storage::family times() const { return times_; }
  storage::family merkle() const { return merkle_; }
  storage::family meta() const { return meta_; }
  storage::database& base() const { return *db_; }

 private:
  event_log(storage::database& db, std::string name);
  result<void> load_identity();
  result<void> load_tail();
  friend class log_writer;  // the sequencer's staging (log_writer.h): the only one that changes a log

  storage::database* db_;
  std::string name_, identity_;
  storage::family records_, dedup_, times_, merkle_, meta_;
  std::atomic<std::uint64_t> durable_size_{0};
  timestamp last_recorded_;
  frontier frontier_;
};

}  // namespace longshore::log
