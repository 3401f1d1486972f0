#include "engine/item_rows.h"

namespace longshore::engine::item_rows {
namespace {

constexpr char tag_kind = '1';
constexpr char manifest_kind = '2';

}  // namespace

std::string joined(std::string_view a, std::string_view b) {
  std::string key(a);
  key.push_back('\0');
  key.append(b);
  return key;
}

std::string in_repository(std::string_view name) { return joined(name, {}); }

std::string item_name(bool is_tag, std::string_view ref) {
  std::string name(1, is_tag ? tag_kind : manifest_kind);
  name.append(ref);
  return name;
}

std::string item_key(std::string_view repository, bool is_tag, std::string_view ref) {
  return in_repository(repository) + item_name(is_tag, ref);
}

std::string tag_key(std::string_view repository, std::string_view digest, std::string_view tag) {
  return joined(joined(repository, digest), tag);
}

std::optional<item_of_key> read_item_key(std::string_view key) {
  const std::size_t end = key.find('\0');
  if (end == std::string_view::npos || end + 2 > key.size()) return std::nullopt;
  return item_of_key{key.substr(0, end), key[end + 1] == tag_kind, key.substr(end + 2)};
}

}  // namespace longshore::engine::item_rows
