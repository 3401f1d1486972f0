#include "api/log_frames.h"

#include <algorithm>

#include "storage/env/ensure.h"

namespace longshore::api {
namespace {

constexpr std::size_t page_end_bytes = 8 + 8 + 32 + 8;

void append_head(std::string& to, std::size_t length, log_frame_type type) {
  for (int shift = 24; shift >= 0; shift -= 8) to.push_back(static_cast<char>((length >> shift) & 0xff));
  to.push_back(static_cast<char>(type));
}

std::size_t length_at(std::string_view bytes) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < 4; ++i) n = (n << 8) | static_cast<std::uint8_t>(bytes[i]);
  return n;
}

// The payload length a type may have; false: not a frame of this format.
bool plausible(std::uint8_t type, std::size_t length) {
  switch (static_cast<log_frame_type>(type)) {
    case log_frame_type::record:
      return length >= 1 && length <= log_record_bytes_max;
    case log_frame_type::page_end:
      return length == page_end_bytes;
    case log_frame_type::heartbeat:
      return length == 0;
  }
  return false;
}

log_page_end page_end_of(std::string_view payload) {
  log_page_end end;
  end.first.value = *from_key(payload.substr(0, 8));
  end.size = *from_key(payload.substr(8, 8));
  std::copy_n(payload.begin() + 16, end.root.size(), reinterpret_cast<char*>(end.root.data()));
  end.durable_size = *from_key(payload.substr(48, 8));
  return end;
}

}  // namespace

void append_record_frame(std::string& to, std::string_view record) {
  ensure(!record.empty() && record.size() <= log_record_bytes_max, "a log record has 1 to 65,535 bytes");
  append_head(to, record.size(), log_frame_type::record);
  to.append(record);
}

void append_page_end_frame(std::string& to, const log_page_end& end) {
  append_head(to, page_end_bytes, log_frame_type::page_end);
  to.append(to_key(end.first)).append(to_key(end.size));
  to.append(reinterpret_cast<const char*>(end.root.data()), end.root.size());
  to.append(to_key(end.durable_size));
}

void append_heartbeat_frame(std::string& to) { append_head(to, 0, log_frame_type::heartbeat); }

void log_frame_decoder::feed(std::string_view bytes) {
  if (consumed_ > 0) {
    held_.erase(0, consumed_);
    consumed_ = 0;
  }
  held_.append(bytes);
}

result<std::optional<log_frame>> log_frame_decoder::next() {
  if (broken_) return std::unexpected(*broken_);
  const auto rest = std::string_view(held_).substr(consumed_);
  if (rest.size() < log_frame_head_bytes) return std::optional<log_frame>();
  const auto length = length_at(rest);
  const auto type = static_cast<std::uint8_t>(rest[4]);
  if (!plausible(type, length)) {
    broken_ = error{errc::corrupt, "the log stream holds a frame of type " + std::to_string(type) + " and " +
                                       std::to_string(length) +
                                       " bytes, which version 1 of the format does not have; check that the "
                                       "primary's address is a Longshore of the same version"};
    return std::unexpected(*broken_);
  }
  if (rest.size() - log_frame_head_bytes < length) return std::optional<log_frame>();
  const auto payload = rest.substr(log_frame_head_bytes, length);
  log_frame frame;
  frame.type = static_cast<log_frame_type>(type);
  if (frame.type == log_frame_type::record) frame.record = std::string(payload);
  if (frame.type == log_frame_type::page_end) frame.end = page_end_of(payload);
  consumed_ += log_frame_head_bytes + length;
  return std::optional<log_frame>(std::move(frame));
}

}  // namespace longshore::api
