#pragma once

// An absolute http or https URL as this program uses one: where to connect, and the request target, verbatim.
//
// Parsing and resolving follow RFC 3986 (Boost.URL); a path or query that was received is sent back byte for byte,
// because registries sign them. Refused (errc::invalid): other schemes, user names in the URL, port 0, anything
// outside the grammar. Fragments are dropped.

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::api {

struct url {
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;
  std::string path;   // escaped, begins with '/'
  std::string query;  // escaped, with its '?'; empty: none

  static result<url> parse(std::string_view text);
  // RFC 3986 section 5 with this as the base; `reference` may be absolute or relative.
  result<url> resolve(std::string_view reference) const;

  bool secure() const { return scheme == "https"; }
  bool same_origin(const url& other) const;
  std::string target() const { return path + query; }
  std::string authority() const;  // for Host: the port only where it is not the scheme's own
  std::string origin() const;     // scheme://authority
  // For messages: without the query, which may hold a signature or a token.
  std::string shown() const { return origin() + path; }

  // The query with name=value appended, value escaped.
  void add_query(std::string_view name, std::string_view value);

  bool operator==(const url&) const = default;
};

// RFC 3986: everything but unreserved characters as %XX. escape_path keeps '/' and ':'.
std::string escape(std::string_view text);
std::string escape_path(std::string_view text);

// "localhost", "*.localhost", or a literal loopback or unspecified address (also as IPv4-mapped IPv6).
bool is_loopback_host(std::string_view host);
// The same, or a literal link-local address (fd00:ec2::254 counts as one: clouds keep their metadata there).
bool is_local_host(std::string_view host);

}  // namespace longshore::api
