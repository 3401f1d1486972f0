#include "storage/rocks.h"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

namespace longshore::storage {

namespace {

constexpr std::size_t mib = 1u << 20;

// A write error in the background (a failed flush, a failed compaction) means that this process can no longer
// promise durability. Retryable ones below "hard" are RocksDB's to retry.
class background_watch final : public rocksdb::EventListener {
 public:
  explicit background_watch(std::shared_ptr<poison> p) : poison_(std::move(p)) {}
  void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
    if (status->severity() >= rocksdb::Status::kHardError) poison_->set(status->ToString());
  }

 private:
  std::shared_ptr<poison> poison_;
};

bool is_lock_held(const rocksdb::Status& status) {
  const std::string text = status.ToString();
  return text.find("While lock file") != std::string::npos ||
         text.find("lock hold by current process") != std::string::npos;
}

}  // namespace

void poison::set(std::string why) {
  const std::lock_guard hold(mutex_);
  if (set_.load(std::memory_order_relaxed)) return;
  why_ = std::move(why);
  set_.store(true, std::memory_order_release);
}

std::string poison::why() const {
  const std::lock_guard hold(mutex_);
  return why_;
}

error error_of(const rocksdb::Status& status, std::string_view doing) {
  const std::string text = std::string(doing) + ": " + status.ToString();
  if (status.IsCorruption()) {
    return {
        errc::corrupt,
        text +
            "; stored bytes are damaged. Stop the site and run `longshore rebuild-views` on its data directory, which "
            "mends the views; where that fails, restore the directory from a copy of it (a "
            "secondary may begin anew with an empty one instead)"};
  }
  if (status.IsNoSpace()) return {errc::no_space, text + "; free some space on this file system"};
  if (status.IsIOError() && is_lock_held(status)) {
    return {errc::busy, text + "; another process uses this directory: stop it first"};
  }
  if (text.find("Read-only file system") != std::string::npos) {
    return {errc::io_failed, text + "; it is mounted read-only: mount it for writing"};
  }
  return {errc::io_failed, text};
}

error commit_error_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) {
    return {errc::no_space, "write failed: " + status.ToString() + "; free some space, then restart"};
  }
  return {errc::unknown_outcome, "write failed: " + status.ToString() +
                                     "; whether it happened is known only after a restart; check the disk first"};
}

rocksdb::DBOptions options_of(const database_options& options, rocksdb::Env* env,
                              std::shared_ptr<rocksdb::Statistics> statistics, std::shared_ptr<poison> poisoned) {
  rocksdb::DBOptions o;
  o.env = env;
  o.create_if_missing = options.create;
  o.create_missing_column_families = true;
  o.statistics = std::move(statistics);
  o.listeners = {std::make_shared<background_watch>(std::move(poisoned))};
  // Damage before the log's tail refuses to open; only a record torn by a crash is dropped.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  // Several logs are alive at once, and each would have its own tail tolerated: one that newer ones follow must be
  // there, as long as it was when it was synced.
  o.track_and_verify_wals_in_manifest = true;
  o.paranoid_checks = true;
  o.max_bgerror_resume_count = 0;  // after a failed write only recovery clears it
  // Families that are rarely flushed must not keep old write-ahead logs alive, nor many families much memory.
  o.max_total_wal_size = 128 * mib;
  o.db_write_buffer_size = 64 * mib;
  o.max_background_jobs = 2;
  o.bytes_per_sync = mib;
  o.max_open_files = static_cast<int>(open_files_max);
  o.max_log_file_size = 4 * mib;
  o.keep_log_file_num = 3;
  o.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  return o;
}

rocksdb::ColumnFamilyOptions options_of(family_kind kind, const std::shared_ptr<rocksdb::Cache>& cache) {
  const bool records = kind == family_kind::append_only;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.block_size = records ? 32u << 10 : 8u << 10;
  table.format_version = 5;
  if (!records) table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));

  rocksdb::ColumnFamilyOptions o;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.write_buffer_size = records ? 32 * mib : 16 * mib;
  o.max_write_buffer_number = 3;
  o.arena_block_size = records ? 256u << 10 : 64u << 10;
  o.memtable_protection_bytes_per_key = 8;
  if (!records) {
    o.memtable_prefix_bloom_size_ratio = 0.05;
    o.memtable_whole_key_filtering = true;
  }
  // The same at every level: files of a family whose keys only grow then move down without being rewritten.
  o.compression = records ? rocksdb::kZSTD : rocksdb::kNoCompression;
  o.compression_opts.level = 1;
  o.bottommost_compression = rocksdb::kDisableCompressionOption;
  return o;
}

result<void> rocks_cursor::status() const {
  if (rows == nullptr) return {};
  const rocksdb::Status status = rows->status();
  if (status.ok()) return {};
  return std::unexpected(error_of(status, "reading the database"));
}

}  // namespace longshore::storage
