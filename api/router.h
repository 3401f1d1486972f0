#pragma once

// Which handler answers a method and path.
//
// Patterns are paths whose segments may be {name}; one {name*} per pattern takes any number of segments (at least one),
// for repository names. Literal paths are found first, then patterns in the order in which they were added. GET routes
// answer HEAD too. Built once, then only read: share it freely on one executor. A second route for the same method and
// pattern is a bug of ours.

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "api/exchange.h"

namespace longshore::api {

struct route {
  std::string method;
  std::string pattern;
  handler handle;
  admission admit;                                // null: anyone
  std::optional<std::size_t> body_bytes_max;      // none: the server's
  std::function<void(const request&)> too_large;  // told of a body over the limit, before 413 is sent; may be null
};

class router {
 public:
  void add(route r);
  // Told of each request to a path that nothing is at, before its 404.
  void on_unknown(std::function<void(const request&)> told) { unknown_ = std::move(told); }
  // Sets the request's parameters; or the 404, 405 or 400 to answer.
  const route* find(request& r, answer& otherwise) const;

 private:
  struct segment {
    std::string text;  // literal, or the parameter's name
    enum class kind : std::uint8_t { literal, one, many } what = kind::literal;
  };
  struct entry {
    route to;
    std::vector<segment> segments;
  };
  struct hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const { return std::hash<std::string_view>{}(s); }
  };
  using values = std::vector<std::pair<std::string_view, std::string_view>>;  // name, escaped value

  static std::vector<segment> parse(std::string_view pattern);
  static bool matches(const std::vector<segment>& segments, const std::vector<std::string_view>& path,
                      std::string_view text, values& found);

  std::deque<entry> entries_;
  std::unordered_map<std::string, std::vector<const entry*>, hash, std::equal_to<>> literal_;
  std::vector<const entry*> patterns_;
  std::function<void(const request&)> unknown_;
};

}  // namespace longshore::api
