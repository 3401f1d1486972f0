#pragma once

// Versions and ranges of versions, as tags carry them: semver.org 2.0.0, read leniently.
//
// parse_version() takes what tags look like: "v1.2.3", "1.2" (1.2.0), "1" (1.0.0), "1.22-alpine" (a pre-release of
// 1.22.0, by semver.org's grammar), "1.0.0_build5" ('_' stands for '+', which no tag can hold). Build metadata does
// not count. Ranges are npm's: ">=1.2 <2", "^1.2", "~1.4", "1.x", "*", "1.2 - 2.3", alternatives with "||". As there,
// a pre-release satisfies a range only when one of the comparators that hold names a pre-release of the same version:
// "^1.2" does not take 1.3.0-rc1; ">=1.3.0-rc1" does.
// Total: any text gives a value or a clear refusal. Pure; any thread.

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/env/result.h"

namespace longshore::engine {

struct semver {
  std::uint64_t major = 0, minor = 0, patch = 0;
  std::vector<std::string> prerelease;  // "rc.1" as {"rc", "1"}; empty: a release

  bool operator==(const semver&) const = default;
};
std::weak_ordering operator<=>(const semver& a, const semver& b);  // precedence, semver.org 11

std::optional<semver> parse_version(std::string_view text);

class version_range {
 public:
  // errc::invalid names the part that is none.
  static result<version_range> parse(std::string_view text);
  bool contains(const semver& v) const;

 private:
  enum class relation : std::uint8_t { less, at_most, more, at_least, equal };
  struct comparator {
    relation is = relation::equal;
    semver to;
  };
  using all_of = std::vector<comparator>;  // empty: every release
  class reader;

  static bool holds(const comparator& c, const semver& v);
  std::vector<all_of> any_of_;
};

}  // namespace longshore::engine
