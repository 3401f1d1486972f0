#pragma once

// Base 64 for writing (RFC 4648): with the standard alphabet and padding, or URL-safe without padding as JSON Web
// signatures have it. For reading see engine/base64.h. Pure.

#include <string>
#include <string_view>

namespace longshore::api {

std::string to_base64(std::string_view bytes);
std::string to_base64url(std::string_view bytes);

}  // namespace longshore::api
