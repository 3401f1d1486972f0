#pragma once

// Patterns over repository names and tags: '*' stands for any text without a '/', '**' for any text at all, '?' for
// one character that is no '/', everything else for itself. Pure; takes time in proportion to pattern times text at
// most.

#include <string_view>

namespace longshore::engine {

bool matches(std::string_view pattern, std::string_view text);

}  // namespace longshore::engine
