#pragma once

// What database.h hides: RocksDB's options, its errors in our words, and the insides of scans and snapshots. For the
// sources of storage/ only; no other folder includes it.

#include <rocksdb/db.h>
#include <rocksdb/statistics.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "storage/database.h"

namespace longshore::storage {

// Why a database takes no more commits. Set once, from any thread (RocksDB reports failures on its own).
class poison {
 public:
  void set(std::string why);
  bool is_set() const { return set_.load(std::memory_order_acquire); }
  std::string why() const;

 private:
  std::atomic<bool> set_{false};
  mutable std::mutex mutex_;  // guards why_: written once by whichever thread fails first
  std::string why_;
};

// How a failed read or an open is told: corrupt, no_space, busy (the lock is held) or io_failed.
error error_of(const rocksdb::Status& status, std::string_view doing);
// How a failed commit is told: no_space, else unknown_outcome.
error commit_error_of(const rocksdb::Status& status);

rocksdb::DBOptions options_of(const database_options& options, rocksdb::Env* env,
                              std::shared_ptr<rocksdb::Statistics> statistics, std::shared_ptr<poison> poisoned);
rocksdb::ColumnFamilyOptions options_of(family_kind kind, const std::shared_ptr<rocksdb::Cache>& cache);

struct rocks_moment final : snapshot::moment {
  rocksdb::DB* db;
  const rocksdb::Snapshot* taken;
  explicit rocks_moment(rocksdb::DB* of) : db(of), taken(of->GetSnapshot()) {}
  rocks_moment(const rocks_moment&) = delete;
  rocks_moment& operator=(const rocks_moment&) = delete;
  ~rocks_moment() override { db->ReleaseSnapshot(taken); }
};

// The bound's bytes must outlive the iterator, which is why it is declared after them.
struct rocks_cursor final : scan::cursor {
  std::string upper;
  rocksdb::Slice upper_slice;
  std::unique_ptr<rocksdb::Iterator> rows;  // null: a family that a read-only database does not have

  bool valid() const override { return rows != nullptr && rows->Valid(); }
  void next() override { rows->Next(); }
  std::string_view key() const override { return {rows->key().data(), rows->key().size()}; }
  std::string_view value() const override { return {rows->value().data(), rows->value().size()}; }
  result<void> status() const override;
};

}  // namespace longshore::storage
