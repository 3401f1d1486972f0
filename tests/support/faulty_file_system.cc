#include "tests/support/faulty_file_system.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

namespace longshore::testing {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

std::string folder_of(const std::string& path) { return std::filesystem::path(path).parent_path().string(); }

std::string normal(const std::string& path) {
  std::string text = std::filesystem::path(path).lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

std::optional<std::string> content_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

class tracked_file final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  tracked_file(std::unique_ptr<rocksdb::FSWritableFile>&& real, std::string path, faulty_file_system& owner)
      : FSWritableFileOwnerWrapper(std::move(real)), path_(std::move(path)), owner_(&owner) {}

  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = owner_->allow(operation::append, path_); !s.ok()) return s;
    IOStatus s = FSWritableFileOwnerWrapper::Append(data, options, debug);
    if (s.ok()) owner_->appended(path_, data.size());
    return s;
  }
  IOStatus Append(const rocksdb::Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = owner_->allow(operation::truncate, path_); !s.ok()) return s;
    IOStatus s = FSWritableFileOwnerWrapper::Truncate(size, options, debug);
    if (s.ok()) owner_->truncated(path_, size);
    return s;
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = owner_->allow(operation::sync, path_); !s.ok()) return s;
    IOStatus s = FSWritableFileOwnerWrapper::Sync(options, debug);
    if (s.ok()) owner_->synced(path_);
    return s;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = owner_->allow(operation::sync, path_); !s.ok()) return s;
    IOStatus s = FSWritableFileOwnerWrapper::Fsync(options, debug);
    if (s.ok()) owner_->synced(path_);
    return s;
  }
  bool IsSyncThreadSafe() const override { return true; }

 private:
  std::string path_;
  faulty_file_system* owner_;
};

class tracked_directory final : public rocksdb::FSDirectoryWrapper {
 public:
  tracked_directory(std::unique_ptr<rocksdb::FSDirectory>&& real, std::string path, faulty_file_system& owner)
      : FSDirectoryWrapper(std::move(real)), path_(std::move(path)), owner_(&owner) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = owner_->allow(operation::sync_directory, path_); !s.ok()) return s;
    IOStatus s = FSDirectoryWrapper::Fsync(options, debug);
    if (s.ok()) owner_->directory_synced(path_);
    return s;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& what) override {
    if (IOStatus s = owner_->allow(operation::sync_directory, path_); !s.ok()) return s;
    IOStatus s = FSDirectoryWrapper::FsyncWithDirOptions(options, debug, what);
    if (s.ok()) owner_->directory_synced(path_);
    return s;
  }

 private:
  std::string path_;
  faulty_file_system* owner_;
};

}  // namespace

faulty_file_system::faulty_file_system() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}

void faulty_file_system::arm(fault_scope scope, std::uint64_t n, bool cuts_power) {
  const std::lock_guard hold(mutex_);
  trap_ = trap{scope, n, cuts_power};
  fired_ = false;
}

bool faulty_file_system::fired() const {
  const std::lock_guard hold(mutex_);
  return fired_;
}

IOStatus faulty_file_system::allow(operation what, const std::string& path) {
  const std::lock_guard hold(mutex_);
  if (without_power_) return IOStatus::IOError("the power is cut", path);
  if (!trap_) return IOStatus::OK();
  const bool of_the_wal = path.ends_with(".log") && (what == operation::append || what == operation::sync);
  if (trap_->scope == fault_scope::write_ahead_log && !of_the_wal) return IOStatus::OK();
  if (trap_->left-- > 0) return IOStatus::OK();
  fired_ = true;
  without_power_ = trap_->cuts_power;
  trap_.reset();
  // The kernel has dropped what it could not write: that later syncs succeed says nothing about it.
  return IOStatus::IOError("injected fault", path);
}

void faulty_file_system::appended(const std::string& path, std::uint64_t bytes) {
  const std::lock_guard hold(mutex_);
  files_[path].size += bytes;
}

void faulty_file_system::truncated(const std::string& path, std::uint64_t size) {
  const std::lock_guard hold(mutex_);
  file& f = files_[path];
  f.size = size;
  f.synced_size = std::min(f.synced_size, size);
}

void faulty_file_system::synced(const std::string& path) {
  const std::lock_guard hold(mutex_);
  file& f = files_[path];
  f.synced_size = f.size;
}

void faulty_file_system::directory_synced(const std::string& path) {
  const std::lock_guard hold(mutex_);
  for (auto& [name, f] : files_) {
    if (folder_of(name) == path) f.entry_durable = true;
  }
  std::erase_if(renames_, [&](const renamed& r) { return folder_of(r.to) == path; });
}

IOStatus faulty_file_system::NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* debug) {
  const std::string name = normal(path);
  if (IOStatus s = allow(operation::create, name); !s.ok()) return s;
  std::unique_ptr<rocksdb::FSWritableFile> real;
  IOStatus s = target()->NewWritableFile(path, options, &real, debug);
  if (!s.ok()) return s;
  {
    const std::lock_guard hold(mutex_);
    files_[name] = {};
  }
  *made = std::make_unique<tracked_file>(std::move(real), name, *this);
  return s;
}

IOStatus faulty_file_system::ReopenWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                                std::unique_ptr<rocksdb::FSWritableFile>* made, IODebugContext* debug) {
  const std::string name = normal(path);
  if (IOStatus s = allow(operation::create, name); !s.ok()) return s;
  std::unique_ptr<rocksdb::FSWritableFile> real;
  IOStatus s = target()->ReopenWritableFile(path, options, &real, debug);
  if (!s.ok()) return s;
  {
    const std::lock_guard hold(mutex_);
    const std::uint64_t size = std::filesystem::file_size(path);
    files_.try_emplace(name, file{size, size, true});
  }
  *made = std::make_unique<tracked_file>(std::move(real), name, *this);
  return s;
}

IOStatus faulty_file_system::NewDirectory(const std::string& path, const IOOptions& options,
                                          std::unique_ptr<rocksdb::FSDirectory>* made, IODebugContext* debug) {
  std::unique_ptr<rocksdb::FSDirectory> real;
  IOStatus s = target()->NewDirectory(path, options, &real, debug);
  if (s.ok()) *made = std::make_unique<tracked_directory>(std::move(real), normal(path), *this);
  return s;
}

IOStatus faulty_file_system::RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                                        IODebugContext* debug) {
  renamed r{normal(from), normal(to), std::nullopt};
  if (IOStatus s = allow(operation::rename, r.to); !s.ok()) return s;
  r.replaced = content_of(r.to);
  IOStatus s = target()->RenameFile(from, to, options, debug);
  if (!s.ok()) return s;
  const std::lock_guard hold(mutex_);
  if (const auto moved = files_.extract(r.from); !moved.empty()) {
    files_[r.to] = moved.mapped();
    files_[r.to].entry_durable = true;  // whether the new name holds is the rename's affair
  }
  renames_.push_back(std::move(r));
  return s;
}

IOStatus faulty_file_system::DeleteFile(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  {
    const std::lock_guard hold(mutex_);
    if (without_power_) return IOStatus::IOError("the power is cut", path);
  }
  IOStatus s = target()->DeleteFile(path, options, debug);
  const std::lock_guard hold(mutex_);
  if (s.ok()) files_.erase(normal(path));
  return s;
}

void faulty_file_system::undo(const renamed& r) {
  std::error_code ec;
  std::filesystem::rename(r.to, r.from, ec);
  if (const auto moved = files_.extract(r.to); !moved.empty()) files_[r.from] = moved.mapped();
  if (r.replaced) std::ofstream(r.to, std::ios::binary) << *r.replaced;
}

void faulty_file_system::restore_power(unsynced rest) {
  const std::lock_guard hold(mutex_);
  for (auto r = renames_.rbegin(); r != renames_.rend(); ++r) undo(*r);
  renames_.clear();
  std::error_code ec;
  for (const auto& [path, f] : files_) {
    if (!std::filesystem::exists(path, ec)) continue;
    if (!f.entry_durable) {
      std::filesystem::remove(path, ec);
      continue;
    }
    // Never longer than it is: space that was only set aside is not content.
    const std::uint64_t torn = rest == unsynced::half_kept ? (f.size - f.synced_size) / 2 : 0;
    const std::uint64_t kept = f.synced_size + torn;
    if (kept < std::filesystem::file_size(path, ec)) std::filesystem::resize_file(path, kept, ec);
  }
  files_.clear();
  trap_.reset();
  without_power_ = false;
}

}  // namespace longshore::testing
