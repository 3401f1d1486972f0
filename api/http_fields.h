#pragma once

// Values of response headers that carry a grammar of their own. Pure and total: what cannot be read is none.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/http_message.h"
#include "storage/env/clock.h"

namespace longshore::api {

// WWW-Authenticate (RFC 9110 11.6.1): a scheme (lower case) and its parameters (names lower case).
struct challenge {
  std::string scheme;
  std::vector<http_header> parameters;
  std::string_view parameter(std::string_view name) const;  // empty: not there
};
// All challenges of all header lines, in order; at most 16, unreadable rests are left out.
std::vector<challenge> parse_challenges(const std::vector<std::string>& lines);

// Retry-After (RFC 9110 10.2.3): delay-seconds or an HTTP date, as milliseconds from now, 0 .. one day.
std::optional<std::int64_t> retry_after_ms(std::string_view value, timestamp now);

// Link (RFC 8288): the target of the first link with rel="next".
std::optional<std::string> next_link(const std::vector<std::string>& lines);

// Content-Range (RFC 9110 14.4): "bytes first-last/total"; total is none for "*".
struct content_range {
  std::uint64_t first = 0, last = 0;
  std::optional<std::uint64_t> total;
  bool operator==(const content_range&) const = default;
};
std::optional<content_range> parse_content_range(std::string_view value);

// The end of a chunked body, "0" CRLF CRLF (RFC 9112 7.1). A Beast parser that wanted more in one must not be shown
// fewer bytes again: it asserts that the last chunk, once it has seen its first line, has come so far.
inline constexpr std::size_t last_chunk_bytes_min = 5;

// Range in the answers of an upload session: "0-last" (distribution-spec), also as "bytes=0-last"; last is inclusive.
std::optional<std::uint64_t> parse_upload_range(std::string_view value);
// Digits and nothing else.
std::optional<std::uint64_t> parse_count(std::string_view value);

}  // namespace longshore::api
