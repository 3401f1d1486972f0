#pragma once

// A directory whose content is a registry: everything is read and written below it, whatever links it holds.
//
// Paths are relative and use '/'. Verbs block: call them on a pool's thread. Const verbs may run concurrently; so may
// new files, each with one owner. What write_file() and new_file::publish() put in place is whole and on disk when
// they return; after a failure or a crash the old file is still there, and at most a file named `.longshore-...`
// besides, which sweep() removes. file_calls must outlive it.
// Refuses links that lead out (invalid), and whatever is not a plain file where a file is meant (invalid).

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "api/local/file_calls.h"

namespace longshore::api {

class new_file;

// Tells a file from what had its name before, and mostly from what it was before somebody wrote in it.
struct file_stamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t modified_s = 0, modified_ns = 0;
  bool operator==(const file_stamp&) const = default;
};

class local_directory {
 public:
  static result<local_directory> open(const std::filesystem::path& path, file_calls& files = system_files());
  // Made with its parents when it is not there.
  static result<local_directory> create(const std::filesystem::path& path, file_calls& files = system_files());

  const std::filesystem::path& path() const { return path_; }
  file_calls& files() const { return *files_; }
  std::string shown(std::string_view relative) const { return (path_ / relative).string(); }

  struct opened {
    file_handle file;
    std::uint64_t size = 0;
    file_stamp stamp;
  };
  result<opened> open_file(const std::string& relative) const;
  // too_large when the file has more bytes than that.
  result<std::string> read_file(const std::string& relative, std::uint64_t bytes_max) const;
  // Names, sorted; "" is the directory itself. too_large when there are more.
  result<std::vector<std::string>> list(const std::string& relative, std::size_t names_max) const;
  result<bool> has_directory(const std::string& relative) const;

  // One writer at a time, over all processes: busy when there is another. Held until destruction.
  result<void> lock() const;
  // Removes what writers that died left behind. Needs the lock.
  result<void> sweep() const;
  result<new_file> begin_file() const;
  result<void> write_file(const std::string& relative, std::string_view bytes) const;
  result<void> make_directories(const std::string& relative) const;
  // not_found when there is none.
  result<void> remove_file(const std::string& relative) const;

 private:
  friend class new_file;
  local_directory(std::filesystem::path path, file_handle handle, file_calls& files)
      : path_(std::move(path)), handle_(std::move(handle)), files_(&files) {}
  result<file_handle> open_directory(const std::string& relative) const;

  std::filesystem::path path_;
  file_handle handle_;
  file_calls* files_;
};

// A file that nobody sees before it is published. Removed when dropped before that. Its directory must outlive it.
class new_file {
 public:
  ~new_file();
  new_file(new_file&& other) noexcept;
  new_file& operator=(new_file&&) = delete;

  result<void> write(std::string_view bytes);
  std::uint64_t written() const { return written_; }
  // Of what is written so far; it stays when the file is published.
  result<file_stamp> stamp() const;
  // Puts it on disk and then in the place of whatever has this name, in a directory that is there.
  result<void> publish(const std::string& relative) { return publish(*in_, relative); }
  // The same in another directory of the same disk.
  result<void> publish(const local_directory& to, const std::string& relative);
  // The same without waiting for the disk.
  result<void> place(const std::string& relative) { return place(*in_, relative); }

 private:
  friend class local_directory;
  new_file(const local_directory& in, std::string name, file_handle file)
      : in_(&in), name_(std::move(name)), file_(std::move(file)) {}
  const local_directory* in_;
  std::string name_;  // empty: published
  file_handle file_;
  std::uint64_t written_ = 0;
  result<void> place(const local_directory& to, const std::string& relative);
};

}  // namespace longshore::api
