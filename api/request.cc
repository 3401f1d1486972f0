#include "api/request.h"

#include <boost/beast/core/string.hpp>
#include <charconv>

namespace longshore::api {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

constexpr std::size_t body_kept_max = 64u << 10;  // memory a connection keeps between requests

}  // namespace

std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return std::nullopt;
    const int upper = hex_digit(text[i + 1]), lower = hex_digit(text[i + 2]);
    if (upper < 0 || lower < 0) return std::nullopt;
    plain.push_back(static_cast<char>(upper * 16 + lower));
    i += 2;
  }
  return plain;
}

std::optional<std::uint64_t> to_count(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, bad] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || bad != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return n;
}

std::string printable(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view cut = "...";
  const bool whole = text.size() <= bytes_max;
  std::string shown(text.substr(0, whole ? bytes_max : bytes_max - std::min(bytes_max, cut.size())));
  for (char& c : shown) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  if (!whole) shown += cut;
  return shown;
}

request::span request::keep(std::string_view s) {
  const span kept{static_cast<std::uint32_t>(text_.size()), static_cast<std::uint32_t>(s.size())};
  text_.append(s);
  return kept;
}

void request::set_line(std::string_view method, std::string_view target) {
  method_ = keep(method);
  const std::size_t mark = target.find('?');
  path_ = keep(target.substr(0, mark));
  query_ = mark == std::string_view::npos ? span{} : keep(target.substr(mark + 1));
}

void request::add_header(std::string_view name, std::string_view value) {
  const span kept_name = keep(name);
  headers_.emplace_back(kept_name, keep(value));
}

std::string_view request::header(std::string_view name) const {
  for (const auto& [key, value] : headers_) {
    if (same_name(part(key), name)) return part(value);
  }
  return {};
}

std::size_t request::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(headers_, [&](const auto& h) { return same_name(part(h.first), name); }));
}

std::string_view request::parameter(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::string> request::asked(std::string_view name) const {
  for (std::string_view rest = query(); !rest.empty();) {
    const std::string_view pair = rest.substr(0, rest.find('&'));
    rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) != name) continue;
    const std::string_view value = equals == std::string_view::npos ? "" : pair.substr(equals + 1);
    return unescape(value).value_or(std::string(value));
  }
  return std::nullopt;
}

void request::clear() {
  text_.clear();
  method_ = path_ = query_ = {};
  headers_.clear();
  parameters_.clear();
  if (body.capacity() > body_kept_max) body = {};
  body.clear();
  caller = nobody;
}

}  // namespace longshore::api
