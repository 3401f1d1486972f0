#pragma once

// The system calls by which registries that are files read and change their directory: a seam, so that tests can let
// any one of them fail, or let the process "die" between two.
//
// Each returns a non-negative value, or minus errno. Thread-safe. Paths are relative to an open directory; open()
// follows symbolic links only while they stay below it (-EXDEV otherwise, or -ELOOP where the kernel cannot tell).
// The other verbs take a single name in the directory, so that no link can stand in their way.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "storage/env/result.h"

namespace longshore::api {

class file_calls {
 public:
  virtual ~file_calls() = default;
  virtual int open(int directory, const std::string& path, int flags, unsigned mode) = 0;
  virtual ssize_t read(int file, void* to, std::size_t n, std::uint64_t offset) = 0;
  virtual ssize_t write(int file, const void* from, std::size_t n) = 0;
  virtual int sync(int file) = 0;
  virtual int rename(int from_directory, const std::string& from, int to_directory, const std::string& to) = 0;
  virtual int remove(int directory, const std::string& name) = 0;
  virtual int make_directory(int directory, const std::string& name) = 0;
};

// The operating system's own.
file_calls& system_files();

// no_space for a full disk, not_found for what is not there, invalid for a link that leads away, else io_failed.
std::unexpected<error> file_failure(int minus_errno, const std::string& doing);

// An open file or directory; closed with the object.
class file_handle {
 public:
  file_handle() = default;
  explicit file_handle(int fd) : fd_(fd) {}
  ~file_handle() { close(); }
  file_handle(file_handle&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  file_handle& operator=(file_handle&& other) noexcept {
    if (this != &other) close(), fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

}  // namespace longshore::api
