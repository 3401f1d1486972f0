#pragma once

// What database.h hides: RocksDB's options, its errors in our words, and the insides of batches, scans and
// snapshots. For the sources of storage/ only; no other folder includes it.

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

// One change in a batch's bytes: u8 put or erase, u32 family, u32 key size, u32 value size, key, value; the
// numbers in this machine's order, for they never leave its memory.
struct write_batch::rep {
  enum class change : std::uint8_t { put, erase };
  std::string bytes;
  std::size_t count = 0;
  void add(change what, family f, std::string_view key, std::string_view value);
  // Calls apply(what, family, key, value) for each change, in order.
  template <class F>
  void each(F&& apply) const;
};

struct snapshot::rep {
  rocksdb::DB* db = nullptr;
  const rocksdb::Snapshot* held = nullptr;
  rep(rocksdb::DB* of, const rocksdb::Snapshot* s) : db(of), held(s) {}
  rep(const rep&) = delete;
  rep& operator=(const rep&) = delete;
  ~rep() { db->ReleaseSnapshot(held); }
};

// The bound's bytes must outlive the iterator, which is why it is declared after them.
struct scan::rep {
  std::string upper;
  rocksdb::Slice upper_slice;
  std::unique_ptr<rocksdb::Iterator> rows;  // null: a family that a read-only database does not have
};

struct change_head {
  std::uint8_t what;
  std::uint32_t family, key_size, value_size;
};

template <class F>
void write_batch::rep::each(F&& apply) const {
  for (std::string_view rest = bytes; !rest.empty();) {
    change_head head;
    __builtin_memcpy(&head, rest.data(), sizeof head);
    rest.remove_prefix(sizeof head);
    const std::string_view key = rest.substr(0, head.key_size);
    const std::string_view value = rest.substr(head.key_size, head.value_size);
    rest.remove_prefix(key.size() + value.size());
    apply(static_cast<change>(head.what), family{head.family}, key, value);
  }
}

}  // namespace longshore::storage
