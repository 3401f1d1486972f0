#pragma once

// Base 64 as RFC 4648 has it: the standard alphabet of descriptor data, and the URL-safe one of JSON signatures.
// Padding may be missing; anything else outside the alphabet is errc::invalid. Pure.

#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::engine {

enum class base64_alphabet : std::uint8_t { standard, url_safe };
result<std::string> from_base64(std::string_view text, base64_alphabet alphabet);

}  // namespace longshore::engine
