#pragma once

// The tail's binary format, application/vnd.longshore.log.v1: encoder and total decoder.
//
// A body is a sequence of frames:
//   u32 big-endian payload length | u8 type | payload
//     1 record:    a record's stored bytes, verbatim (1 .. 65,535 bytes)
//     2 page end:  be64 first | be64 size | 32-byte Merkle root of records [0, size) | be64 durable size
//     3 heartbeat: empty; says that the primary is alive while it has nothing to send
// Records of a page are consecutive: seq first, first + 1, ... size - 1, then its page end. The response names the
// log in the header Longshore-Log-Identity. Version 1; an unknown type or any other length is errc::corrupt.
// Pure functions and values; no I/O. The decoder never holds more than one frame beyond what was fed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/seq.h"
#include "storage/digest.h"
#include "storage/env/result.h"

namespace longshore::api {

inline constexpr std::string_view log_media_type = "application/vnd.longshore.log.v1";
inline constexpr std::string_view log_identity_header = "Longshore-Log-Identity";
inline constexpr std::size_t log_frame_head_bytes = 5;
inline constexpr std::size_t log_record_bytes_max = 65'535;

enum class log_frame_type : std::uint8_t { record = 1, page_end = 2, heartbeat = 3 };

struct log_page_end {
  event_seq first;
  std::uint64_t size = 0;  // first + number of records of this page
  hash256 root{};          // of the tree over records [0, size)
  std::uint64_t durable_size = 0;
  bool operator==(const log_page_end&) const = default;
};

// Each appends one frame to `to`. A record is 1 .. 65,535 bytes (ensure()d: the log holds no other).
void append_record_frame(std::string& to, std::string_view record);
void append_page_end_frame(std::string& to, const log_page_end& end);
void append_heartbeat_frame(std::string& to);

struct log_frame {
  log_frame_type type = log_frame_type::heartbeat;
  std::string record;  // type record
  log_page_end end;    // type page_end
  bool operator==(const log_frame&) const = default;
};

// feed() bytes as they arrive, in any pieces; next() until it has none. After an error it only repeats the error.
class log_frame_decoder {
 public:
  void feed(std::string_view bytes);
  // None: more bytes are needed. errc::corrupt: this is not the format.
  result<std::optional<log_frame>> next();
  // True between frames: the stream may end here.
  bool at_boundary() const { return consumed_ == held_.size(); }

 private:
  std::string held_;
  std::size_t consumed_ = 0;
  std::optional<error> broken_;
};

}  // namespace longshore::api
