#pragma once

// A disk that fails, or loses power, at a chosen operation: the file system that RocksDB is handed in fault tests.
//
// Fault model. Counted operations are those that change files: creating, appending, syncing, truncating, renaming and
// syncing a directory. fail_at(n): the nth fails with an I/O error and does nothing; later ones work, as a kernel
// does after it has dropped the dirty pages. cut_power_at(n): the nth and all later ones fail. After the database is
// closed, restore_power() makes the disk what a power cut leaves: of each file what was synced (and, if asked, half
// of what was appended since, a torn tail), no file whose directory was not synced after it was made, no rename
// likewise. Deletions are taken to be durable at once. Safe from any thread; arm it while nothing is being written.

#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace longshore::testing {

enum class fault_scope : std::uint8_t {
  write_ahead_log,  // appends to and syncs of *.log files
  everything
};
enum class unsynced : std::uint8_t { forgotten, half_kept };
enum class operation : std::uint8_t { create, append, sync, truncate, rename, sync_directory };

class faulty_file_system final : public rocksdb::FileSystemWrapper {
 public:
  faulty_file_system();
  static const char* kClassName() { return "faulty_file_system"; }
  const char* Name() const override { return kClassName(); }

  void fail_at(fault_scope scope, std::uint64_t n) { arm(scope, n, false); }
  void cut_power_at(fault_scope scope, std::uint64_t n) { arm(scope, n, true); }
  bool fired() const;
  void restore_power(unsynced rest);

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* made,
                                    rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                       std::unique_ptr<rocksdb::FSWritableFile>* made,
                                       rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& path, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* made, rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& path, const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;

  // For the files and directories handed out. allow() counts, and says whether the operation is to be done.
  rocksdb::IOStatus allow(operation what, const std::string& path);
  void appended(const std::string& path, std::uint64_t bytes);
  void truncated(const std::string& path, std::uint64_t size);
  void synced(const std::string& path);
  void directory_synced(const std::string& path);

 private:
  struct file {
    std::uint64_t size = 0, synced_size = 0;
    bool entry_durable = false;
  };
  struct renamed {
    std::string from, to;
    std::optional<std::string> replaced;  // what `to` held before
  };
  struct trap {
    fault_scope scope;
    std::uint64_t left;
    bool cuts_power;
  };

  void arm(fault_scope scope, std::uint64_t n, bool cuts_power);
  void undo(const renamed& r);

  mutable std::mutex mutex_;
  std::optional<trap> trap_;
  bool fired_ = false, without_power_ = false;
  std::map<std::string, file> files_;
  std::vector<renamed> renames_;  // not durable yet, oldest first
};

}  // namespace longshore::testing
