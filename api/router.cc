#include "api/router.h"

#include <algorithm>

#include "storage/env/ensure.h"

namespace longshore::api {

namespace {

constexpr std::size_t segments_max = 128;

// None where there are more than segments_max.
std::optional<std::vector<std::string_view>> split(std::string_view path) {
  std::vector<std::string_view> parts;
  if (path.starts_with('/')) path.remove_prefix(1);
  for (;;) {
    if (parts.size() == segments_max) return std::nullopt;
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool takes(const route& r, std::string_view method) {
  return r.method == method || (r.method == "GET" && method == "HEAD");
}

answer not_allowed(std::string_view method, const std::string& allowed) {
  answer a = refusal(405, "UNSUPPORTED", printable(method) + " is not possible here; allowed: " + allowed);
  a.headers.emplace_back("Allow", allowed);
  return a;
}

}  // namespace

std::vector<router::segment> router::parse(std::string_view pattern) {
  ensure(pattern.starts_with('/'), "a route's pattern begins with '/'");
  std::vector<segment> segments;
  const auto parts = split(pattern);
  ensure(parts.has_value(), "a route's pattern has few segments");
  for (std::string_view s : *parts) {
    if (s.starts_with('{') && s.ends_with("*}")) {
      segments.push_back({std::string(s.substr(1, s.size() - 3)), segment::kind::many});
    } else if (s.starts_with('{') && s.ends_with('}')) {
      segments.push_back({std::string(s.substr(1, s.size() - 2)), segment::kind::one});
    } else {
      segments.push_back({std::string(s), segment::kind::literal});
    }
  }
  const auto many = std::ranges::count(segments, segment::kind::many, &segment::what);
  ensure(many <= 1, "a route's pattern has one {name*} at most");
  return segments;
}

void router::add(route r) {
  const auto same = [&](const entry& e) { return e.to.method == r.method && e.to.pattern == r.pattern; };
  ensure(std::ranges::none_of(entries_, same), "a route is added once");
  entry& e = entries_.emplace_back(entry{std::move(r), {}});
  e.segments = parse(e.to.pattern);
  const auto literal = [](const segment& s) { return s.what == segment::kind::literal; };
  if (std::ranges::all_of(e.segments, literal)) {
    literal_[e.to.pattern].push_back(&e);
  } else {
    patterns_.push_back(&e);
  }
}

bool router::matches(const std::vector<segment>& segments, const std::vector<std::string_view>& path,
                     std::string_view text, values& found) {
  const auto many = std::ranges::find(segments, segment::kind::many, &segment::what);
  if (many == segments.end() ? path.size() != segments.size() : path.size() < segments.size()) return false;
  found.clear();
  std::size_t at = 0;
  for (const segment& s : segments) {
    std::string_view value = path[at++];
    if (s.what == segment::kind::literal) {
      if (value != s.text) return false;
      continue;
    }
    if (s.what == segment::kind::many) {
      const std::size_t extra = path.size() - segments.size();
      const std::string_view last = path[at + extra - 1];
      value = text.substr(static_cast<std::size_t>(value.data() - text.data()),
                          static_cast<std::size_t>(last.data() + last.size() - value.data()));
      at += extra;
    }
    if (value.empty()) return false;
    found.emplace_back(s.text, value);
  }
  return true;
}

const route* router::find(request& r, answer& otherwise) const {
  const std::string_view path = r.path();
  std::string allowed;
  const auto note = [&](const entry* e) {
    if (!allowed.empty()) allowed += ", ";
    allowed += e->to.method;
  };
  if (const auto known = literal_.find(path); known != literal_.end()) {
    for (const entry* e : known->second) {
      if (takes(e->to, r.method())) return &e->to;
      note(e);
    }
  } else if (const auto parts = split(path); parts && path.starts_with('/')) {
    values found;
    for (const entry* e : patterns_) {
      if (!matches(e->segments, *parts, path, found)) continue;
      if (!takes(e->to, r.method())) {
        note(e);
        continue;
      }
      for (const auto& [name, escaped] : found) {
        auto value = unescape(escaped);
        if (!value) {
          otherwise = refusal(400, "INVALID", "the path has a '%' that is not followed by two hex digits");
          return nullptr;
        }
        r.add_parameter(name, *std::move(value));
      }
      return &e->to;
    }
  }
  if (allowed.empty() && unknown_) unknown_(r);
  otherwise = allowed.empty() ? refusal(404, "NOT_FOUND", "there is nothing at " + printable(path))
                              : not_allowed(r.method(), allowed);
  return nullptr;
}

}  // namespace longshore::api
