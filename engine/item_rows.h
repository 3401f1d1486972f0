#pragma once

// Keys of rows about items, for all views that have such: tags and untagged manifests of a repository. Pure.
//
//   name NUL kind ref         an item. kind is '1' for tags and '2' for manifests, so that tags sort first
//   name NUL digest NUL tag   tags at a digest
// No name, digest or tag contains NUL.

#include <optional>
#include <string>
#include <string_view>

namespace longshore::engine::item_rows {

// "a NUL b"
std::string joined(std::string_view a, std::string_view b);
// What the keys of all rows of a repository begin with.
std::string in_repository(std::string_view name);
// "kind ref"
std::string item_name(bool is_tag, std::string_view ref);
std::string item_key(std::string_view repository, bool is_tag, std::string_view ref);
std::string tag_key(std::string_view repository, std::string_view digest, std::string_view tag);

// Into the key.
struct item_of_key {
  std::string_view repository;
  bool is_tag = false;
  std::string_view ref;
};
// None: not the key of an item.
std::optional<item_of_key> read_item_key(std::string_view key);

}  // namespace longshore::engine::item_rows
