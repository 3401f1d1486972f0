#pragma once

// Where in an envelope's text each event stands, so that its bytes can be kept as they were sent.

#include <string_view>
#include <vector>

namespace longshore::api {

// The elements of the array "events" of a JSON object. The text must be valid JSON (a parser has accepted it); never
// reads outside it whatever it is. Empty when the member is written so that its bytes cannot be told apart simply:
// more than once, or with escapes in a name.
std::vector<std::string_view> event_slices(std::string_view text);

}  // namespace longshore::api
