#pragma once

// The stored form of the actual view. Pure.
//
// Rows:
//   actual.repositories  name                      -> the fields of actual_repository, in order
//   actual.items         name NUL kind ref         -> the fields of actual_item, in order
//   actual.tags          name NUL digest NUL tag   -> (empty)   tags that this site published at a digest
// kind is '1' for tags and '2' for manifests, as in the desired view.
// Rows grow at the end only; a row that is not one of ours unpacks to nothing.

#include <optional>
#include <string>
#include <string_view>

#include "engine/actual.h"

namespace longshore::engine::actual_rows {

std::string in_repository(std::string_view name);
std::string item_key(std::string_view repository, bool is_tag, std::string_view ref);
std::string tag_key(std::string_view repository, std::string_view digest, std::string_view tag);

std::string pack(const actual_repository& r);
std::optional<actual_repository> unpack_repository(std::string_view name, std::string_view value);
std::string pack(const actual_item& i);
std::optional<actual_item> unpack_item(std::string_view key, std::string_view value);

inline timestamp unpacked(std::uint64_t us) { return {static_cast<std::int64_t>(us)}; }

}  // namespace longshore::engine::actual_rows
