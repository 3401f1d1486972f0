#pragma once

// One rule over tags, as an operator writes it: a glob ("v1.*"), "regex:..." or "semver:>=1.2 <2".
//
// A glob is that of engine/glob.h. A regular expression is RE2's and must match the whole tag; RE2 takes time in
// proportion to the tag and a bounded amount of memory, whatever the expression. A tag that is no version satisfies no
// semver rule. parse() refuses what cannot be understood (errc::invalid). Immutable; copies are cheap; any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/semver.h"

namespace re2 {
class RE2;
}

namespace longshore::engine {

class tag_rule {
 public:
  static result<tag_rule> parse(std::string text);
  bool matches(std::string_view tag) const;
  const std::string& text() const { return text_; }

 private:
  explicit tag_rule(std::string text) : text_(std::move(text)) {}

  std::string text_;
  std::shared_ptr<const re2::RE2> regex_;
  std::optional<version_range> range_;
};

result<std::vector<tag_rule>> parse_tag_rules(const std::vector<std::string>& texts);
// The first that matches; null: none.
const tag_rule* first_match(const std::vector<tag_rule>& rules, std::string_view tag);

}  // namespace longshore::engine
