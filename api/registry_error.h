#pragma once

// What a registry's (or peer's) refusing answer means. OCI distribution-spec "Error codes"; Distribution's
// registry/api/errcode. Pure.
//
//   404 with a code that says "there is no such thing" -> not_found; any other 404 -> unavailable (a proxy's page)
//   401 unauthorized, 403 denied, 405 or UNSUPPORTED unsupported, 413 too_large, 429 throttled (with Retry-After),
//   3xx, 408 and 5xx unavailable (with Retry-After), a lost upload session unavailable, other 4xx rejected.
//   The text says what was being done, the status, and the registry's own code and message.

#include <string>
#include <vector>

#include "api/http_message.h"
#include "storage/env/clock.h"

namespace longshore::api {

struct registry_complaint {
  std::string code, message;
};
// The entries of a distribution error body; empty when it is not one. At most 8.
std::vector<registry_complaint> complaints_of(std::string_view body);
// "MANIFEST_UNKNOWN: manifest unknown", or empty.
std::string said_in(std::string_view body);
bool complains(std::string_view body, std::string_view code);

// The body of an answer with a status of 300 or more.
error registry_error(const http_response& answer, const std::string& doing, timestamp now);

}  // namespace longshore::api
