#pragma once

// When a secondary last heard of its primary, and whether that primary's log continues its own, kept in its data
// directory, so that a restart does not forget since when, or why, it is cut off.
//
// A hint for people, not a promise: written in place, so that a full disk does not matter, and not synced. What cannot
// be read is none.

#include <filesystem>
#include <optional>

#include "engine/follower.h"

namespace longshore::tools {

std::optional<engine::primary_contact> read_last_contact(const std::filesystem::path& data_dir);
result<void> write_last_contact(const std::filesystem::path& data_dir, const engine::primary_contact& c);

}  // namespace longshore::tools
