#pragma once

// The position of a record in a log: 0, 1, 2, ... without gaps.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace longshore {

struct event_seq {
  std::uint64_t value = 0;
  auto operator<=>(const event_seq&) const = default;
  event_seq next() const { return {value + 1}; }
};

// Eight bytes, big-endian: sorts as the number does.
inline std::string to_key(std::uint64_t n) {
  std::string key(8, '\0');
  for (int i = 7; i >= 0; --i, n >>= 8) key[static_cast<std::size_t>(i)] = static_cast<char>(n & 0xff);
  return key;
}
inline std::string to_key(event_seq s) { return to_key(s.value); }
inline std::optional<std::uint64_t> from_key(std::string_view key) {
  if (key.size() < 8) return std::nullopt;
  std::uint64_t n = 0;
  for (std::size_t i = 0; i < 8; ++i) n = (n << 8) | static_cast<std::uint8_t>(key[i]);
  return n;
}

}  // namespace longshore
