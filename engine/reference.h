#pragma once

// The grammar of repository names and tags: OCI distribution-spec, "Pulling manifests".
//
// A notification is somebody else's text: only names that pass here become items, URL paths or keys. No name that
// passes holds a NUL, a space or a "..".

#include <string_view>

namespace longshore::engine {

bool is_repository_name(std::string_view name);  // at most 255 bytes
bool is_tag(std::string_view tag);               // at most 128 bytes

}  // namespace longshore::engine
