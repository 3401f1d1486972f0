#pragma once

// One HTTP request as handlers see it: line, headers, route parameters, body.
//
// Views into it are valid until the handler has returned; the session reuses the object (and its memory) for the
// next request of the connection. Filled by request_parser and router, read by anyone in between. Header names
// compare without case; a header that is sent twice has its first value.

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace longshore::api {

class request {
 public:
  static constexpr std::size_t nobody = std::numeric_limits<std::size_t>::max();

  std::string_view method() const { return part(method_); }
  std::string_view path() const { return part(path_); }    // as sent, escapes and all
  std::string_view query() const { return part(query_); }  // without its '?'
  std::string_view header(std::string_view name) const;    // the first of this name; empty: not there
  std::size_t count(std::string_view name) const;          // how many headers have this name, empty ones too
  // A {name} of the route's pattern, unescaped; empty: the pattern has none of that name.
  std::string_view parameter(std::string_view name) const;
  // A value of the query, unescaped; none: not there. An escape that is none is taken literally.
  std::optional<std::string> asked(std::string_view name) const;

  std::string body;
  std::string peer;             // the address that the connection comes from; of a proxy, where there is one between
  std::size_t caller = nobody;  // who it is: set by the route's admission, in the numbering of its own token book

  void set_line(std::string_view method, std::string_view target);
  void add_header(std::string_view name, std::string_view value);
  void add_parameter(std::string_view name, std::string value) { parameters_.emplace_back(name, std::move(value)); }
  void clear();

 private:
  struct span {
    std::uint32_t at = 0, size = 0;
  };
  std::string_view part(span s) const { return std::string_view(text_).substr(s.at, s.size); }
  span keep(std::string_view s);

  std::string text_;
  span method_, path_, query_;
  std::vector<std::pair<span, span>> headers_;
  std::vector<std::pair<std::string_view, std::string>> parameters_;  // names live in the router
};

// %XX decoded; none for a '%' without two hex digits after it.
std::optional<std::string> unescape(std::string_view text);
// Decimal digits and nothing else; none for anything else, also above 2^64 - 1.
std::optional<std::uint64_t> to_count(std::string_view text);
// Printable ASCII for messages and logs: everything else becomes '?', and what is over the limit ends in "...".
std::string printable(std::string_view text, std::size_t bytes_max = 200);

}  // namespace longshore::api
