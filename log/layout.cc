#include "log/layout.h"

#include <algorithm>

namespace longshore::log {

std::string dedup_key(std::string_view origin, std::string_view id) {
  const bool plain = !origin.empty() && origin.find('\0') == std::string_view::npos &&
                     origin.size() + 1 + id.size() <= dedup_key_bytes_max;
  std::string key;
  if (plain) {
    key.reserve(origin.size() + 1 + id.size());
    key.append(origin).push_back('\0');
    key.append(id);
  } else {
    // Begins with NUL, as no plain key does.
    key.push_back('\0');
    key.append(bytes_of(sha256(to_key(origin.size()), origin, id)));
  }
  return key;
}

std::string time_key(timestamp recorded, event_seq seq) {
  return to_key(static_cast<std::uint64_t>(recorded.us)) + to_key(seq);
}

std::string merkle_key(std::uint8_t level, std::uint64_t index) { return static_cast<char>(level) + to_key(index); }

std::string applied_key(std::string_view view_name) { return std::string(applied_prefix) + std::string(view_name); }

std::optional<hash256> to_hash(std::string_view bytes) {
  hash256 h;
  if (bytes.size() != h.size()) return std::nullopt;
  std::ranges::transform(bytes, h.begin(), [](char c) { return static_cast<std::uint8_t>(c); });
  return h;
}

std::optional<std::uint64_t> to_number(std::string_view value) {
  if (value.size() != 8) return std::nullopt;
  return from_key(value);
}

std::string to_value(const tail& t) { return to_key(t.size).append(bytes_of(t.root)); }

std::optional<tail> to_tail(std::string_view value) {
  if (value.size() != 8 + 32) return std::nullopt;
  const auto size = to_number(value.substr(0, 8));
  const auto root = to_hash(value.substr(8));
  if (!size || !root) return std::nullopt;
  return tail{*size, *root};
}

// The first form is left out: so were all before there was another one.
std::string to_value(const folded& f) { return f.format == 1 ? to_key(f.size) : to_key(f.size) + to_key(f.format); }

std::optional<folded> to_folded(std::string_view value) {
  const auto size = to_number(value.substr(0, 8));
  const auto format = value.size() == 8 ? std::optional<std::uint64_t>(1)
                                        : to_number(value.substr(std::min<std::size_t>(value.size(), 8)));
  if (!size || !format) return std::nullopt;
  return folded{*size, *format};
}

}  // namespace longshore::log
