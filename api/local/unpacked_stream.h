#pragma once

// The bytes of a file with its compression (gzip, zstd) taken off, counted: so that a few kilobytes cannot become more
// than was agreed to, whatever they are the bytes of. What is read for one header is counted by itself, because a
// reader of archives holds all of a header in memory before it tells of it.
//
// read() answers the next bytes, valid until the next call; none at the end. errc::too_large over a limit,
// errc::corrupt for what cannot be unpacked. Blocks. The file must stay open. One thread.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
  unpacked_stream(int file, std::string shown, unpacked_limits limits);

  result<void> open();
  result<std::string_view> read();
  // What is read from now on belongs to one header; or to none.
  void begin_header() { header_bytes_ = 0; }
  void end_header() { header_bytes_.reset(); }

 private:
  int file_;
  std::string shown_;
  unpacked_limits limits_;
  archive_ptr archive_;
  std::uint64_t bytes_ = 0;
  std::optional<std::uint64_t> header_bytes_;
};

}  // namespace longshore::api
