#pragma once

// The data directory's ordered key-value store: named families, atomic synced batches, snapshots, scans.
// An interface with two implementations: RocksDB, opened by database::open(), and an ordered map for simulations
// (tests/support/memory/memory_database.h). One contract suite runs on both.
//
// Durability: commit(batch, durability::synced) returns success only after the write-ahead log has been fsynced;
// the whole batch is then durable, or (on a crash before that) absent. durability::buffered is atomic too, and
// is durable after any later synced commit. durability::unlogged is atomic for readers only: it is durable after the
// next flush(), and until then a crash leaves any part of it; for rows that can be made anew, in families that are
// written in no other way until then.
// A commit that fails has an unknown outcome: the database poisons itself, every later commit fails at once, and
// only closing and opening again (recovery) tells what happened. Reads go on.
// Reads may come from any thread. commit() is for one thread at a time per database user; RocksDB orders them.
// Refuses: to open a directory that another process holds, one whose write-ahead log is damaged before its tail, and
// one that has lost the file naming its state (it never drops acknowledged data silently).

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/env/result.h"
#include "storage/write_batch.h"

namespace rocksdb {
class FileSystem;
}

namespace longshore::storage {

enum class durability : std::uint8_t { unlogged, buffered, synced };

// How a family is used decides its tuning.
enum class family_kind : std::uint8_t {
  append_only,  // keys only grow, values are records: large blocks, one compression, scans do not fill the cache
  lookup        // point reads by key: small blocks, bloom filter
};

struct family_spec {
  std::string name;
  family_kind kind = family_kind::lookup;
};

// Files that one database keeps open at most.
inline constexpr std::size_t open_files_max = 512;

struct database_options {
  std::filesystem::path path;
  std::vector<family_spec> families;  // created when missing
  bool create = true;                 // false: errc::not_found when there is no database
  bool read_only = false;             // offline use; refuses nothing a live writer does, so hold the data_dir lock
  std::size_t cache_bytes = 64u << 20;
  std::shared_ptr<rocksdb::FileSystem> file_system;  // null: the default; tests inject faults here
};

// A consistent view of all families at one moment. Must not outlive its database.
class snapshot {
 public:
  // What an implementation remembers; only it knows what is in there.
  struct moment {
    virtual ~moment() = default;
  };
  explicit snapshot(std::unique_ptr<moment> held) : held_(std::move(held)) {}
  const moment& held() const { return *held_; }

 private:
  std::unique_ptr<moment> held_;
};

struct scan_range {
  std::string lower;                 // inclusive
  std::optional<std::string> upper;  // exclusive; none: to the end of the family
  std::size_t readahead_bytes = 0;   // for long walks: read ahead this much, and leave the cache alone
};
// All keys that begin with prefix.
scan_range with_prefix(std::string_view prefix);

// Walks a range in key order, once. valid() false with status() ok is the end; with a failed status() the range
// was not read to its end and nothing may be concluded from it.
class scan {
 public:
  // What an implementation walks with; next(), key() and value() only while valid().
  struct cursor {
    virtual ~cursor() = default;
    virtual bool valid() const = 0;
    virtual void next() = 0;
    virtual std::string_view key() const = 0;
    virtual std::string_view value() const = 0;
    virtual result<void> status() const = 0;
  };
  explicit scan(std::unique_ptr<cursor> rows) : rows_(std::move(rows)) {}

  bool valid() const { return rows_->valid(); }
  void next();
  std::string_view key() const { return rows_->key(); }      // until next()
  std::string_view value() const { return rows_->value(); }  // until next()
  result<void> status() const { return rows_->status(); }

 private:
  std::unique_ptr<cursor> rows_;
};

class database {
 public:
  // RocksDB, in options.path.
  static result<std::unique_ptr<database>> open(database_options options);
  virtual ~database() = default;
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  // A family named in the options; asking for another is a bug.
  virtual family named(std::string_view name) const = 0;

  virtual result<std::optional<std::string>> get(family f, std::string_view key,
                                                 const snapshot* at = nullptr) const = 0;
  virtual scan range(family f, scan_range r, const snapshot* at = nullptr) const = 0;
  // The last key and value of a family, if it has any.
  virtual result<std::optional<std::pair<std::string, std::string>>> last(family f) const = 0;
  virtual snapshot take_snapshot() const = 0;

  virtual result<void> commit(write_batch& batch, durability d) = 0;
  virtual bool poisoned() const = 0;
  virtual bool read_only() const = 0;

  // Empties a family for good, at the cost of a few synced writes whatever its size; not atomic with any batch.
  // Nobody may commit to the family meanwhile; a scan or a snapshot taken before may still see the old rows. Their
  // space is given back when the database is closed.
  virtual result<void> clear(family f) = 0;
  // Writes memory tables out, so that all is durable and an offline reader sees everything in files.
  virtual result<void> flush() = 0;
  // fsyncs of the write-ahead log so far, and bytes written to it; for benchmarks and metrics.
  virtual std::uint64_t wal_syncs() const = 0;

 protected:
  database() = default;
};

}  // namespace longshore::storage
