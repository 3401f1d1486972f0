#pragma once

// file_calls that fail on order: one operation, or that one and all after it, as if the process had died there.

#include <atomic>
#include <cstdint>

#include "api/local/file_calls.h"

namespace longshore::tests {

class faulty_files final : public api::file_calls {
 public:
  std::atomic<std::int64_t> fails_at{-1};  // counted from 0; -1: none
  std::atomic<bool> dies = false;
  std::atomic<int> failure{28};  // ENOSPC
  std::atomic<std::int64_t> operations{0};
  std::atomic<std::int64_t> bytes_moved{0};  // read and written

  int open(int directory, const std::string& path, int flags, unsigned mode) override {
    return is_due() ? -failure : real_.open(directory, path, flags, mode);
  }
  ssize_t read(int file, void* to, std::size_t n, std::uint64_t offset) override {
    return is_due() ? -failure : moved(real_.read(file, to, n, offset));
  }
  ssize_t write(int file, const void* from, std::size_t n) override {
    return is_due() ? -failure : moved(real_.write(file, from, n));
  }
  int sync(int file) override { return is_due() ? -failure : real_.sync(file); }
  int rename(int from_directory, const std::string& from, int to_directory, const std::string& to) override {
    return is_due() ? -failure : real_.rename(from_directory, from, to_directory, to);
  }
  int remove(int directory, const std::string& name) override {
    return is_due() ? -failure : real_.remove(directory, name);
  }
  int make_directory(int directory, const std::string& name) override {
    return is_due() ? -failure : real_.make_directory(directory, name);
  }

 private:
  ssize_t moved(ssize_t n) {
    if (n > 0) bytes_moved += n;
    return n;
  }
  bool is_due() {
    const std::int64_t n = operations++;
    return fails_at >= 0 && (n == fails_at || (dies && n > fails_at));
  }
  api::file_calls& real_ = api::system_files();
};

}  // namespace longshore::tests
