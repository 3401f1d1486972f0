#pragma once

// The bytes of a file with its compression (gzip, zstd) taken off, counted: so that a few kilobytes cannot become more
// than was agreed to, whatever they are the bytes of. What is read for one header is counted by itself, because a
// reader of archives holds all of a header in memory before it tells of it.
//
// One compression is taken off, the one that the file's first bytes tell: each has a window of its own (zstd: up to
// 128 MiB), and nobody counts what passes from one to the next. What was compressed twice is errc::invalid.
//
// read() answers the next bytes, valid until the next call; none at the end. errc::too_large over a limit, which is
// one of the file's own bytes too, errc::corrupt for what cannot be unpacked, errc::stopped soon after `stop`, also
// while nothing comes out. Blocks. The file must stay open. One thread.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "storage/env/result.h"

struct archive;

namespace longshore::api {

using archive_ptr = std::unique_ptr<archive, int (*)(archive*)>;

// What libarchive says of its last failure.
std::unexpected<error> archive_failure(archive* a, const std::string& doing);

struct unpacked_limits {
  std::uint64_t bytes_max = 0;
  std::uint64_t header_bytes_max = 0;
};

class unpacked_stream {
 public:
  unpacked_stream(int file, std::string shown, unpacked_limits limits, std::stop_token stop);

  result<void> open();
  result<std::string_view> read();
  // What is read from now on belongs to one header; or to none.
  void begin_header() { header_bytes_ = 0; }
  void end_header() { header_bytes_.reset(); }

 private:
  static ssize_t read_on(archive* a, void* self, const void** block);
  result<std::size_t> read_file();
  std::unexpected<error> failed();

  int file_;
  std::string shown_;
  unpacked_limits limits_;
  std::stop_token stop_;
  std::vector<char> buffer_;
  std::optional<error> failure_;  // of the file, which libarchive passes on as a text alone
  archive_ptr archive_;           // reads from it
  bool is_compressed_ = false;
  std::uint64_t file_bytes_ = 0, bytes_ = 0;
  std::optional<std::uint64_t> header_bytes_;
};

}  // namespace longshore::api
