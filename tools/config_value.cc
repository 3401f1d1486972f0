#include "tools/config_value.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <limits>
#include <numeric>

namespace longshore::tools {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<unit, 16> size_units{{{"", 1},
                                           {"B", 1},
                                           {"kB", 1'000},
                                           {"KB", 1'000},
                                           {"k", 1'000},
                                           {"K", 1'000},
                                           {"MB", 1'000'000},
                                           {"M", 1'000'000},
                                           {"GB", 1'000'000'000},
                                           {"G", 1'000'000'000},
                                           {"TB", 1'000'000'000'000},
                                           {"T", 1'000'000'000'000},
                                           {"KiB", 1ULL << 10},
                                           {"MiB", 1ULL << 20},
                                           {"GiB", 1ULL << 30},
                                           {"TiB", 1ULL << 40}}};
constexpr std::array<unit, 5> duration_units{
    {{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

// digits followed by the name of a unit; nothing when it is not that, or would not fit 63 bits.
std::optional<std::uint64_t> with_unit(std::string_view text, std::span<const unit> units) {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc{}) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  for (const unit& u : units) {
    if (rest != u.name) continue;
    if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) / u.factor) return std::nullopt;
    return n * u.factor;
  }
  return std::nullopt;
}

result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    return fail(errc::invalid, "\"" + std::string(text) + "\" is no port: expected a number from 0 to 65535");
  }
  return port;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c == '_';
  });
}

bool is_v6(std::string_view host) {
  return host.size() >= 2 && host.size() <= 45 &&
         host.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

// "host", "host:port", "[v6]", "[v6]:port"; the port is empty when there is none.
std::optional<std::pair<std::string_view, std::string_view>> split_host(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos || !is_v6(text.substr(1, close - 1))) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return std::pair{text.substr(1, close - 1), std::string_view{}};
    if (rest.size() < 2 || rest.front() != ':') return std::nullopt;
    return std::pair{text.substr(1, close - 1), rest.substr(1)};
  }
  const std::size_t colon = text.find(':');
  const std::string_view host = text.substr(0, colon);
  if (!is_host(host)) return std::nullopt;
  if (colon == std::string_view::npos) return std::pair{host, std::string_view{}};
  if (colon + 1 == text.size()) return std::nullopt;
  return std::pair{host, text.substr(colon + 1)};
}

}  // namespace

std::string_view name_of(value_type t) {
  switch (t) {
    case value_type::table:
      return "a section";
    case value_type::text:
      return "text in quotes";
    case value_type::number:
      return "a number";
    case value_type::boolean:
      return "true or false";
    case value_type::list:
      return "a list of texts";
    case value_type::other:
      return "a value of another kind";
  }
  return "a value";
}

result<std::uint64_t> parse_size(std::string_view text) {
  if (const auto n = with_unit(text, size_units)) return *n;
  return fail(errc::invalid, "\"" + std::string(text) +
                                 "\" is no size: expected a whole number and a unit (kB, MB, GB, TB of a thousand; "
                                 "KiB, MiB, GiB, TiB of 1024), "
                                 "for example \"64KiB\" or \"200 kB\"");
}

result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (const auto n = with_unit(text, duration_units)) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(*n));
  }
  return fail(errc::invalid,
              "\"" + std::string(text) + "\" is no duration: expected for example \"500ms\", \"30s\" or \"5m\"");
}

result<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (failed != std::errc{} || end != text.data() + text.size()) {
    return fail(errc::invalid, "\"" + std::string(text) + "\" is no whole number of zero or more");
  }
  return n;
}

result<bool> parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return fail(errc::invalid, "\"" + std::string(text) + "\" is neither true nor false");
}

result<double> parse_decimal(std::string_view text) {
  double n = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), n, std::chars_format::fixed);
  const bool digit_first = !text.empty() && text.front() >= '0' && text.front() <= '9';
  if (!digit_first || failed != std::errc{} || end != text.data() + text.size()) {
    return fail(errc::invalid, "\"" + std::string(text) + "\" is no number: expected for example 50 or 0.5");
  }
  return n;
}

result<host_port> parse_host_port(std::string_view text) {
  const auto parts = split_host(text);
  if (!parts || parts->second.empty()) {
    return fail(errc::invalid,
                "\"" + std::string(text) + "\" is no address: expected host:port, for example \"127.0.0.1:5080\"");
  }
  const result<std::uint16_t> port = parse_port(parts->second);
  if (!port) return std::unexpected(port.error());
  return host_port{std::string(parts->first), *port};
}

bool is_loopback(std::string_view host) { return host == "localhost" || host == "::1" || host.starts_with("127."); }

result<base_url> parse_base_url(std::string_view text) {
  const auto refuse = [&](const std::string& why) {
    return fail(errc::invalid, "\"" + std::string(text) + "\" " + why +
                                   ": expected https://host[:port], or http://host[:port] for a plain connection");
  };
  base_url url;
  std::string_view rest = text;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return refuse("has no scheme");
  }
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find('@') != std::string_view::npos) return refuse("must not hold credentials (use username, password)");
  if (rest.find_first_of("/?#") != std::string_view::npos) return refuse("must not have a path");
  const auto parts = split_host(rest);
  if (!parts) return refuse("has no usable host");
  url.host = std::string(parts->first);
  if (!parts->second.empty()) {
    const result<std::uint16_t> port = parse_port(parts->second);
    if (!port) return std::unexpected(port.error());
    if (*port == 0) return refuse("has port 0");
    url.port = *port;
  }
  return url;
}

result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max) {
  std::ifstream in(path, std::ios::binary);
  std::error_code ec;
  if (std::filesystem::is_directory(path, ec)) {
    return fail(errc::invalid, "cannot read " + path.string() + ": it is a directory; name a file");
  }
  if (!in) {
    return fail(errc::not_found, "cannot read " + path.string() + ": it must exist and be readable by this user");
  }
  std::string bytes(bytes_max + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (in.bad()) return fail(errc::io_failed, "reading " + path.string() + " failed: the disk reported an error");
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  if (bytes.size() > bytes_max) {
    return fail(errc::too_large, path.string() + " is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return bytes;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row[b.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::optional<std::string> found;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best) {
      best = distance;
      found = candidate;
    }
  }
  return found;
}

}  // namespace longshore::tools
