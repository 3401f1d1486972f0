#include "engine/semver.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace longshore::engine {
namespace {

constexpr std::size_t text_bytes_max = 1'000;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_number(std::string_view s) { return !s.empty() && std::ranges::all_of(s, is_digit); }
bool is_identifier_char(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'; }

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && s.front() == ' ') s.remove_prefix(1);
  while (!s.empty() && s.back() == ' ') s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s, std::string_view by) {
  std::vector<std::string_view> out;
  for (;;) {
    const std::size_t at = s.find(by);
    out.push_back(s.substr(0, at));
    if (at == std::string_view::npos) return out;
    s.remove_prefix(at + by.size());
  }
}

std::optional<std::uint64_t> number_of(std::string_view s) {
  std::uint64_t n = 0;
  const auto [end, ec] = std::from_chars(s.data(), s.data() + s.size(), n);
  // The largest is left out, so that a range may end one after any version.
  if (ec != std::errc() || end != s.data() + s.size() || n == std::numeric_limits<std::uint64_t>::max()) {
    return std::nullopt;
  }
  return n;
}

// A version of which the last parts may be missing or wild ("1", "1.x", "*").
struct partial {
  std::vector<std::uint64_t> parts;  // at most three
  std::vector<std::string> prerelease;

  semver low() const {
    semver v;
    if (!parts.empty()) v.major = parts[0];
    if (parts.size() > 1) v.minor = parts[1];
    if (parts.size() > 2) v.patch = parts[2];
    v.prerelease = prerelease;
    return v;
  }
  // The first version above those that agree in the first n parts: without its own pre-releases.
  semver next(std::size_t n) const {
    semver v = low();
    v.prerelease = {"0"};
    (n == 1 ? v.major : n == 2 ? v.minor : v.patch) += 1;
    if (n < 3) v.patch = 0;
    if (n < 2) v.minor = 0;
    return v;
  }
};

enum class wildcards : bool { refused, taken };

std::optional<std::vector<std::string>> identifiers_in(std::string_view text) {
  std::vector<std::string> out;
  for (const std::string_view id : split(text, ".")) {
    if (id.empty() || !std::ranges::all_of(id, is_identifier_char)) return std::nullopt;
    out.emplace_back(id);
  }
  return out;
}

std::optional<partial> parse_partial(std::string_view text, wildcards w) {
  if (text.size() > text_bytes_max) return std::nullopt;
  if (text.starts_with('v') || text.starts_with('V')) text.remove_prefix(1);
  if (const std::size_t build = text.find_first_of("+_"); build != std::string_view::npos) {
    if (!identifiers_in(text.substr(build + 1))) return std::nullopt;
    text = text.substr(0, build);
  }
  partial p;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    auto ids = identifiers_in(text.substr(dash + 1));
    if (!ids) return std::nullopt;
    p.prerelease = *std::move(ids);
    text = text.substr(0, dash);
  }
  const auto parts = split(text, ".");
  if (parts.size() > 3) return std::nullopt;
  bool wild = false;
  for (const std::string_view part : parts) {
    if (w == wildcards::taken && (part == "x" || part == "X" || part == "*")) {
      wild = true;
      continue;
    }
    const auto n = number_of(part);
    if (!n || wild) return std::nullopt;
    p.parts.push_back(*n);
  }
  if (wild && !p.prerelease.empty()) return std::nullopt;
  return p;
}

std::weak_ordering compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a), b_number = is_number(b);
  if (a_number != b_number) return a_number ? std::weak_ordering::less : std::weak_ordering::greater;
  if (!a_number) return a.compare(b) <=> 0;
  // As numbers of any length: without leading zeros, the longer is the larger.
  const auto bare = [](std::string_view s) { return s.substr(std::min(s.find_first_not_of('0'), s.size() - 1)); };
  const std::string_view x = bare(a), y = bare(b);
  if (x.size() != y.size()) return x.size() <=> y.size();
  return x.compare(y) <=> 0;
}

}  // namespace

std::weak_ordering operator<=>(const semver& a, const semver& b) {
  if (a.major != b.major) return a.major <=> b.major;
  if (a.minor != b.minor) return a.minor <=> b.minor;
  if (a.patch != b.patch) return a.patch <=> b.patch;
  if (a.prerelease.empty() != b.prerelease.empty()) {
    return a.prerelease.empty() ? std::weak_ordering::greater : std::weak_ordering::less;
  }
  for (std::size_t i = 0; i < a.prerelease.size() && i < b.prerelease.size(); ++i) {
    const auto c = compare_identifiers(a.prerelease[i], b.prerelease[i]);
    if (c != 0) return c;
  }
  return a.prerelease.size() <=> b.prerelease.size();
}

std::optional<semver> parse_version(std::string_view text) {
  const auto p = parse_partial(text, wildcards::refused);
  return p ? std::optional(p->low()) : std::nullopt;
}

// One alternative of a range, turned into comparators that all must hold.
class version_range::reader {
 public:
  result<all_of> read(std::string_view text) {
    if (const auto ends = split(text, " - "); ends.size() == 2) return hyphen(trimmed(ends[0]), trimmed(ends[1]));
    std::string_view rest = trimmed(text);
    while (!rest.empty()) {
      const std::size_t sign_size = std::min(rest.find_first_not_of("<>=^~"), rest.size());
      const std::string_view sign = rest.substr(0, sign_size);
      rest = trimmed(rest.substr(sign_size));
      const std::string_view word = rest.substr(0, rest.find_first_of(" <>=^~,"));
      rest.remove_prefix(word.size());
      while (!rest.empty() && (rest.front() == ' ' || rest.front() == ',')) rest.remove_prefix(1);
      const auto p = parse_partial(word, wildcards::taken);
      if (!p) return refuse(std::string(sign) + std::string(word), "is no version");
      if (auto added = add(sign, *p); !added) return pass(std::move(added));
    }
    return std::move(out_);
  }

 private:
  static std::unexpected<error> refuse(const std::string& what, const char* why) {
    return fail(errc::invalid,
                "\"" + what + "\" " + why + " (ranges are like \">=1.2 <2\", \"^1.2\", \"~1.4\", \"1.x\")");
  }
  void both(semver from, semver below) {
    out_.push_back({relation::at_least, std::move(from)});
    out_.push_back({relation::less, std::move(below)});
  }
  // Everything that agrees in the parts given.
  void same(const partial& p) {
    if (p.parts.empty()) return;
    if (p.parts.size() == 3) {
      out_.push_back({relation::equal, p.low()});
    } else {
      both(p.low(), p.next(p.parts.size()));
    }
  }
  result<all_of> hyphen(std::string_view low, std::string_view high) {
    const auto from = parse_partial(low, wildcards::taken), to = parse_partial(high, wildcards::taken);
    if (!from || !to) return refuse(std::string(from ? high : low), "is no version");
    out_.push_back({relation::at_least, from->low()});
    if (to->parts.size() == 3) {
      out_.push_back({relation::at_most, to->low()});
    } else if (!to->parts.empty()) {
      out_.push_back({relation::less, to->next(to->parts.size())});
    }
    return std::move(out_);
  }
  result<void> add(std::string_view sign, const partial& p) {
    const std::size_t given = p.parts.size();
    if (sign.empty() || sign == "=" || sign == "==") {
      same(p);
    } else if (sign == "^") {
      // The leftmost part that is not zero may not change.
      const semver low = p.low();
      const std::size_t keep = low.major > 0 || given < 2 ? 1 : low.minor > 0 || given < 3 ? 2 : 3;
      if (given > 0) both(low, p.next(keep));
    } else if (sign == "~" || sign == "~>") {
      if (given > 0) both(p.low(), p.next(std::min<std::size_t>(given, 2)));
    } else if (sign == ">=") {
      out_.push_back({relation::at_least, p.low()});
    } else if (sign == "<") {
      semver to = p.low();
      if (given < 3 && to.prerelease.empty()) to.prerelease = {"0"};
      out_.push_back({relation::less, std::move(to)});
    } else if (sign == ">") {
      // ">1.2" is above every 1.2.
      const bool whole = given == 3 || given == 0;
      out_.push_back(whole ? comparator{relation::more, p.low()} : comparator{relation::at_least, p.next(given)});
      if (!whole) out_.back().to.prerelease.clear();
    } else if (sign == "<=") {
      if (given > 0) {
        out_.push_back(given == 3 ? comparator{relation::at_most, p.low()} : comparator{relation::less, p.next(given)});
      }
    } else {
      return refuse(std::string(sign), "is no comparison");
    }
    return {};
  }

  all_of out_;
};

result<version_range> version_range::parse(std::string_view text) {
  if (text.size() > text_bytes_max) return fail(errc::invalid, "a range has at most 1000 characters");
  if (trimmed(text).empty()) return fail(errc::invalid, "an empty range; \"*\" takes every release");
  version_range range;
  for (const std::string_view part : split(text, "||")) {
    if (trimmed(part).empty()) return fail(errc::invalid, "an empty alternative beside \"||\"");
    auto one = reader().read(part);
    if (!one) return pass(std::move(one));
    range.any_of_.push_back(*std::move(one));
  }
  return range;
}

bool version_range::holds(const comparator& c, const semver& v) {
  const auto is = v <=> c.to;
  switch (c.is) {
    case relation::less:
      return is < 0;
    case relation::at_most:
      return is <= 0;
    case relation::more:
      return is > 0;
    case relation::at_least:
      return is >= 0;
    case relation::equal:
      return is == 0;
  }
  return false;
}

bool version_range::contains(const semver& v) const {
  return std::ranges::any_of(any_of_, [&](const all_of& all) {
    if (!std::ranges::all_of(all, [&](const comparator& c) { return holds(c, v); })) return false;
    if (v.prerelease.empty()) return true;
    // An end that was made up ("<2.0.0-0") does not ask for pre-releases.
    return std::ranges::any_of(all, [&](const comparator& c) {
      const bool made_up = c.is == relation::less && c.to.prerelease == std::vector<std::string>{"0"};
      return !c.to.prerelease.empty() && !made_up && c.to.major == v.major && c.to.minor == v.minor &&
             c.to.patch == v.patch;
    });
  });
}

}  // namespace longshore::engine
