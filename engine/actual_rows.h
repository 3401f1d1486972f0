#pragma once

// The stored form of the actual view. Pure.
//
// Rows:
//   actual.repositories  name                      -> the fields of actual_repository, in order
//   actual.items         name NUL kind ref         -> the fields of actual_item, in order
//   actual.tags          name NUL digest NUL tag   -> (empty)   tags that this site published at a digest
// Their keys: engine/item_rows.h.
// Rows grow at the end only; a row that is not one of ours unpacks to nothing.

#include <optional>
#include <string>
#include <string_view>

#include "engine/actual.h"

namespace longshore::engine::actual_rows {

std::string pack(const actual_repository& r);
std::optional<actual_repository> unpack_repository(std::string_view name, std::string_view value);
std::string pack(const actual_item& i);
std::optional<actual_item> unpack_item(std::string_view key, std::string_view value);

inline timestamp unpacked(std::uint64_t us) { return {static_cast<std::int64_t>(us)}; }

}  // namespace longshore::engine::actual_rows
