#include "api/local/archive_files.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>

#include "api/local/unpacked_stream.h"
#include "storage/digest.h"

namespace longshore::api {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t step = 256u << 10;
constexpr std::size_t names_max = 1'000'000;

// "./blobs/x/" -> "blobs/x"
std::string plain(std::string_view name) {
  while (name.starts_with("./")) name.remove_prefix(2);
  while (name.ends_with('/')) name.remove_suffix(1);
  return std::string(name == "." ? std::string_view() : name);
}

bool is_layout_directory(const std::string& name) {
  return name.empty() || name == "blobs" || name == "blobs/sha256" || name == "blobs/sha512";
}

bool is_layout_file(const std::string& name) {
  if (name == "oci-layout" || name == "index.json") return true;
  if (!name.starts_with("blobs/")) return false;
  std::string text = name.substr(6);
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return false;
  text[slash] = ':';
  return digest::parse(text).has_value();
}

bool is_passed_over(const std::string& name) { return name == "manifest.json" || name == "repositories"; }

class unpacker {
 public:
  unpacker(const fs::path& file, int fd, const local_directory& to, const unpack_limits& limits, std::stop_token stop)
      : shown_(file.string()),
        to_(&to),
        limits_(&limits),
        bytes_(fd, shown_, {limits.bytes_max, limits.header_bytes_max}, std::move(stop)),
        archive_(archive_read_new(), archive_read_free) {}

  result<void> run() {
    archive* a = archive_.get();
    if (auto r = bytes_.open(); !r) return r;
    archive_read_support_format_tar(a);
    bytes_.begin_header();
    if (archive_read_open(a, this, nullptr, read_on, nullptr) != ARCHIVE_OK) return failed();
    for (const char* blobs : {"blobs/sha256", "blobs/sha512"}) {
      if (auto r = to_->make_directories(blobs); !r) return r;
    }
    for (std::uint64_t entries = 0;; ++entries) {
      archive_entry* entry = nullptr;
      bytes_.begin_header();
      const int outcome = archive_read_next_header(a, &entry);
      bytes_.end_header();
      if (outcome == ARCHIVE_EOF) return {};
      if (outcome != ARCHIVE_OK) return failed();
      if (entries == limits_->entries_max) {
        return fail(errc::too_large, shown_ + " has more than " + std::to_string(entries) + " entries");
      }
      if (auto r = take(entry); !r) return r;
      // By itself, so that the rest of this entry is no part of the next header.
      if (archive_read_data_skip(a) != ARCHIVE_OK) return failed();
    }
  }

 private:
  static la_ssize_t read_on(archive* a, void* self, const void** block) {
    auto& u = *static_cast<unpacker*>(self);
    auto bytes = u.bytes_.read();
    if (!bytes) {
      u.failure_ = std::move(bytes).error();
      archive_set_error(a, EINVAL, "%s", u.failure_->text.c_str());
      return -1;
    }
    *block = bytes->data();
    return static_cast<la_ssize_t>(bytes->size());
  }

  std::unexpected<error> failed() {
    if (failure_) return std::unexpected(*failure_);
    return archive_failure(archive_.get(), "cannot read " + shown_);
  }

  result<void> check_space(std::uint64_t bytes) const {
    struct statvfs disk{};
    if (::statvfs(to_->path().c_str(), &disk) != 0) {
      return file_failure(-errno, "cannot ask the free space of " + to_->path().string());
    }
    const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    if (free >= limits_->free_bytes_min && free - limits_->free_bytes_min >= bytes) return {};
    return fail(errc::no_space, "unpacking " + shown_ + " takes " + std::to_string(bytes >> 20) + " MiB more, and " +
                                    std::to_string(free >> 20) + " MiB are free at " + to_->path().string() +
                                    ", of which " + std::to_string(limits_->free_bytes_min >> 20) +
                                    " stay free; free some space");
  }

  std::unexpected<error> refused(std::string_view name, const std::string& why) {
    return fail(errc::invalid,
                shown_ + " is not an OCI layout's archive: '" + std::string(name.substr(0, 200)) + "' " + why);
  }

  result<void> take(archive_entry* entry) {
    const char* raw = archive_entry_pathname(entry);
    if (raw == nullptr) return refused("", "has no name");
    const std::string name = plain(raw);
    if (archive_entry_hardlink(entry) != nullptr || archive_entry_symlink(entry) != nullptr) {
      return refused(raw, "is a link");
    }
    const auto type = archive_entry_filetype(entry);
    if (type == AE_IFDIR && is_layout_directory(name)) return {};
    if (type != AE_IFREG) return refused(raw, type == AE_IFDIR ? "does not belong there" : "is not a file");
    if (is_passed_over(name)) return {};
    if (!is_layout_file(name)) return refused(raw, "does not belong there");
    if (!seen_.insert(name).second) return fail(errc::corrupt, shown_ + " holds " + name + " twice");
    if (auto r = check_space(static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0))); !r)
      return r;
    auto file = to_->begin_file();
    if (!file) return pass(std::move(file));
    if (auto r = copy_to(*file); !r) return r;
    return file->place(name);
  }

  result<void> copy_to(new_file& file) {
    for (;;) {
      const void* block = nullptr;
      std::size_t n = 0;
      la_int64_t offset = 0;
      const int outcome = archive_read_data_block(archive_.get(), &block, &n, &offset);
      if (outcome == ARCHIVE_EOF) return {};
      if (outcome != ARCHIVE_OK) return failed();
      if (static_cast<std::uint64_t>(offset) != file.written())
        return fail(errc::invalid, shown_ + " holds a sparse file");
      if (auto r = file.write({static_cast<const char*>(block), n}); !r) return r;
    }
  }

  std::string shown_;
  const local_directory* to_;
  const unpack_limits* limits_;
  unpacked_stream bytes_;
  std::optional<error> failure_;  // of bytes_, which libarchive passes on as a text alone
  archive_ptr archive_;           // reads from them
  std::set<std::string> seen_;
};

// Gives libarchive's bytes to a file that is not seen before it is whole.
la_ssize_t write_through(archive* a, void* to, const void* bytes, std::size_t n) {
  auto& [file, failure] = *static_cast<std::pair<new_file*, std::optional<error>>*>(to);
  auto r = file->write({static_cast<const char*>(bytes), n});
  if (r) return static_cast<la_ssize_t>(n);
  failure = r.error();
  archive_set_error(a, EIO, "%s", failure->text.c_str());
  return -1;
}

class packer {
 public:
  packer(const local_directory& from, new_file& to)
      : from_(&from), sink_(&to, std::nullopt), archive_(archive_write_new(), archive_write_free) {}

  result<void> run() {
    archive* a = archive_.get();
    archive_write_set_format_pax_restricted(a);
    archive_write_add_filter_none(a);
    if (archive_write_open(a, &sink_, nullptr, write_through, nullptr) != ARCHIVE_OK) return failed();
    if (auto r = add("oci-layout"); !r) return r;
    if (auto r = add("index.json"); !r) return r;
    for (const std::string blobs : {"blobs/sha256", "blobs/sha512"}) {
      auto names = from_->list(blobs, names_max);
      if (!names && names.error().code == errc::not_found) continue;
      if (!names) return pass(std::move(names));
      for (const std::string& name : *names) {
        if (auto r = add(blobs + "/" + name); !r) return r;
      }
    }
    if (archive_write_close(a) != ARCHIVE_OK) return failed();
    return {};
  }

 private:
  std::unexpected<error> failed() {
    if (sink_.second) return std::unexpected<error>(*sink_.second);
    return archive_failure(archive_.get(), "cannot write the archive");
  }

  result<void> add(const std::string& name) {
    auto file = from_->open_file(name);
    if (!file) return pass(std::move(file));
    const std::unique_ptr<archive_entry, void (*)(archive_entry*)> entry(archive_entry_new(), archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file->size));
    archive_entry_set_mtime(entry.get(), 0, 0);
    if (archive_write_header(archive_.get(), entry.get()) != ARCHIVE_OK) return failed();
    std::uint64_t at = 0;
    while (at < file->size) {
      const ssize_t n = from_->files().read(file->file.get(), buffer_.data(), buffer_.size(), at);
      if (n < 0) return file_failure(static_cast<int>(n), "cannot read " + from_->shown(name));
      if (n == 0) return fail(errc::corrupt, from_->shown(name) + " became shorter while it was read");
      if (archive_write_data(archive_.get(), buffer_.data(), static_cast<std::size_t>(n)) != n) return failed();
      at += static_cast<std::uint64_t>(n);
    }
    return {};
  }

  const local_directory* from_;
  std::pair<new_file*, std::optional<error>> sink_;
  archive_ptr archive_;
  std::vector<char> buffer_ = std::vector<char>(step);
};

}  // namespace

result<void> check_place_of(const fs::path& file) {
  std::error_code ec;
  const fs::path above = fs::absolute(file, ec).parent_path();
  if (ec || fs::exists(above, ec) || ec) return {};
  return fail(errc::not_found, "there is no directory " + above.string() + " to write " + file.filename().string() +
                                   " in: make it first, or correct the path");
}

result<void> unpack_layout(const fs::path& file, const local_directory& to, const unpack_limits& limits,
                           std::stop_token stop) {
  const file_handle fd(::open(file.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return file_failure(-errno, "cannot open " + file.string());
  struct stat facts{};
  if (::fstat(fd.get(), &facts) != 0) return file_failure(-errno, "cannot look at " + file.string());
  if (!S_ISREG(facts.st_mode)) return fail(errc::invalid, file.string() + " is not a file");
  return unpacker(file, fd.get(), to, limits, std::move(stop)).run();
}

result<void> pack_layout(const local_directory& from, const local_directory& aside, const fs::path& file) {
  std::error_code ec;
  const fs::path whole = fs::absolute(file, ec);
  if (ec || !whole.has_filename()) return fail(errc::invalid, "'" + file.string() + "' is not a file's name");
  auto above = local_directory::open(whole.parent_path(), from.files());
  if (!above) return pass(std::move(above));
  auto out = aside.begin_file();
  if (!out) return pass(std::move(out));
  if (auto r = packer(from, *out).run(); !r) return r;
  return out->publish(*above, whole.filename().string());
}

}  // namespace longshore::api
