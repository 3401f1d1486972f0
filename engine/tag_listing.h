#pragma once

// All tags of a repository at a registry, or a failure: never a part of them.
//
// list_all_tags() returns when the registry has named its last page. not_found is passed on: the registry itself said
// that it has no such repository. More than `most` tags, or 128 MiB of names, are errc::too_large; pages
// that do not go on are errc::corrupt. list_all() is the same for any listing, whose pages the caller gets and whose
// name it tells for failures. Any number beside each other; the registry must outlive the call.

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "engine/registry.h"

namespace longshore::engine {

using tag_names = std::set<std::string, std::less<>>;

using page_source = std::function<task<tag_page>(std::optional<std::string> next)>;

inline constexpr std::size_t names_bytes_max = 128u << 20;

task<tag_names> list_all(page_source page_after, std::string listing, std::size_t most,
                         std::size_t bytes_max = names_bytes_max);
task<tag_names> list_all_tags(registry& of, std::string repository, std::size_t most);

}  // namespace longshore::engine
