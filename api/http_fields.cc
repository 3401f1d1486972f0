#include "api/http_fields.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace longshore::api {
namespace {

constexpr std::size_t challenges_max = 16;
constexpr std::size_t parameters_max = 32;

bool token_char(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// A reader over one header value.
class field_scanner {
 public:
  explicit field_scanner(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty(); }
  void blanks() { skip(" \t"); }
  void separators() { skip(" \t,"); }
  bool eat(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view token() {
    return take([](char c) { return token_char(c); });
  }
  // token68, as Basic credentials or Negotiate carry it.
  std::string_view token68() {
    return take([](char c) { return token_char(c) || c == '/' || c == '='; });
  }
  std::string_view until(char c) {
    return take([c](char x) { return x != c; });
  }
  std::string_view rest() const { return rest_; }
  void restore(std::string_view rest) { rest_ = rest; }
  std::optional<std::string> value() {
    if (!eat('"')) return std::string(take([](char c) { return c != ',' && c != ' ' && c != '\t' && c != ';'; }));
    std::string out;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      out.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    if (!eat('"')) return std::nullopt;
    return out;
  }

 private:
  void skip(std::string_view these) {
    while (!rest_.empty() && these.find(rest_.front()) != std::string_view::npos) rest_.remove_prefix(1);
  }
  template <class Accept>
  std::string_view take(Accept accept) {
    std::size_t n = 0;
    while (n < rest_.size() && accept(rest_[n])) ++n;
    const auto out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  std::string_view rest_;
};

// One parameter, name=value; none (and nothing consumed): here begins something else.
std::optional<http_header> scan_parameter(field_scanner& s) {
  const auto before = s.rest();
  const auto name = s.token();
  s.blanks();
  if (!name.empty() && s.eat('=')) {
    s.blanks();
    if (auto value = s.value()) return http_header{lower(name), std::move(*value)};
  }
  s.restore(before);
  return std::nullopt;
}

template <class Number>
bool read_number(std::string_view& text, Number& out) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool eat(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// IMF-fixdate: "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::int64_t> http_date_s(const std::string& text) {
  std::tm t{};
  const char* end = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &t);
  if (end == nullptr || *end != '\0') return std::nullopt;
  const auto s = ::timegm(&t);
  return s == -1 ? std::nullopt : std::optional<std::int64_t>(s);
}

}  // namespace

std::string_view challenge::parameter(std::string_view name) const {
  for (const auto& p : parameters) {
    if (p.name == name) return p.value;
  }
  return {};
}

std::vector<challenge> parse_challenges(const std::vector<std::string>& lines) {
  std::vector<challenge> out;
  for (const auto& line : lines) {
    field_scanner s(line);
    while (out.size() < challenges_max) {
      s.separators();
      const auto scheme = s.token();
      if (scheme.empty()) break;
      challenge c{lower(scheme), {}};
      s.blanks();
      bool first = true;
      while (c.parameters.size() < parameters_max) {
        const auto before = s.rest();
        if (!first) s.separators();
        auto p = scan_parameter(s);
        if (!p) {
          s.restore(before);
          break;
        }
        c.parameters.push_back(std::move(*p));
        first = false;
      }
      if (first && !s.at_end() && s.rest().front() != ',') static_cast<void>(s.token68());
      out.push_back(std::move(c));
    }
  }
  return out;
}

std::optional<std::int64_t> retry_after_ms(std::string_view value, timestamp now) {
  constexpr std::int64_t day_s = 86'400;
  auto rest = value;
  std::int64_t seconds = 0;
  if (read_number(rest, seconds) && rest.empty()) {
    if (seconds < 0) return std::nullopt;
    return std::min(seconds, day_s) * 1'000;
  }
  // More digits than a number holds is a very long delay.
  if (!value.empty() && std::all_of(value.begin(), value.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return day_s * 1'000;
  }
  const auto at = http_date_s(std::string(value));
  if (!at) return std::nullopt;
  return std::clamp<std::int64_t>(*at * 1'000 - now.us / 1'000, 0, day_s * 1'000);
}

std::optional<std::string> next_link(const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    field_scanner s(line);
    for (;;) {
      s.separators();
      if (!s.eat('<')) break;
      const std::string target(s.until('>'));
      if (!s.eat('>')) break;
      bool next = false;
      for (s.blanks(); s.eat(';'); s.blanks()) {
        s.blanks();
        const auto p = scan_parameter(s);
        if (!p) {
          static_cast<void>(s.token());  // a parameter without a value
        } else if (p->name == "rel") {
          next = equal_ignoring_case(p->value, "next");
        }
      }
      if (next) return target;
    }
  }
  return std::nullopt;
}

std::optional<content_range> parse_content_range(std::string_view value) {
  content_range r;
  if (!eat(value, "bytes ") || !read_number(value, r.first) || !eat(value, "-") || !read_number(value, r.last) ||
      !eat(value, "/") || r.last < r.first) {
    return std::nullopt;
  }
  if (value == "*") return r;
  std::uint64_t total = 0;
  if (!read_number(value, total) || !value.empty() || total <= r.last) return std::nullopt;
  r.total = total;
  return r;
}

std::optional<std::uint64_t> parse_upload_range(std::string_view value) {
  std::uint64_t first = 0, last = 0;
  if (!eat(value, "bytes=")) eat(value, "bytes ");
  if (!read_number(value, first) || first != 0 || !eat(value, "-") || !read_number(value, last)) return std::nullopt;
  if (!value.empty() || last == UINT64_MAX) return std::nullopt;
  return last;
}

std::optional<std::uint64_t> parse_count(std::string_view value) {
  std::uint64_t n = 0;
  if (!read_number(value, n) || !value.empty()) return std::nullopt;
  return n;
}

}  // namespace longshore::api
