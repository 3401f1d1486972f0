#pragma once

// What stands between a TOML file or an environment and the typed configuration: single settings, each
// knowing where it came from, and the readers of the small languages in them ("1MiB", "30s", "host:port").
//
// Pure but for read_toml() and read_small_file(). Every refusal says what would have been accepted.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/env/result.h"

namespace longshore::tools {

enum class value_type : std::uint8_t { table, text, number, boolean, list, other };
std::string_view name_of(value_type t);

struct setting {
  std::string key;  // "source_registry.token.issuer", "source[0].token"; a table's own name for a table
  value_type type = value_type::text;
  bool from_environment = false;   // then type is text, whatever the key wants
  std::string text;                // numbers and booleans as written
  std::vector<std::string> items;  // of a list
  std::string where;               // "longshore.toml:12", "LONGSHORE_SITE_NAME"
  std::filesystem::path base;      // what a relative path in it is relative to
};

// Every table and every value of the file, in no particular order but with array elements numbered from 0.
result<std::vector<setting>> read_toml(const std::filesystem::path& file);

// Decimal digits and one of B, kB, MB, GB, TB (or k, M, G, T; KB is kB), KiB, MiB, GiB, TiB, with or without a blank
// between; no unit is bytes: "1MiB", "200 kB", "4096".
result<std::uint64_t> parse_size(std::string_view text);
// Decimal digits and one of ms, s, m, h, d: "500ms", "5m".
result<std::chrono::milliseconds> parse_duration(std::string_view text);
result<std::uint64_t> parse_number(std::string_view text);
result<bool> parse_boolean(std::string_view text);
// Decimal digits, with or without a fraction: "50", "0.5".
result<double> parse_decimal(std::string_view text);

struct host_port {
  std::string host;  // without brackets
  std::uint16_t port = 0;
};
result<host_port> parse_host_port(std::string_view text);
bool is_loopback(std::string_view host);

struct base_url {
  bool tls = true;
  std::string host;  // without brackets
  std::uint16_t port = 443;
};
// http://host[:port] or https://host[:port], with at most a single '/' after it.
result<base_url> parse_base_url(std::string_view text);

// A file of at most bytes_max, whole.
result<std::string> read_small_file(const std::filesystem::path& path, std::size_t bytes_max);

std::size_t edit_distance(std::string_view a, std::string_view b);
// The candidate that word was probably meant to be; none when nothing is close.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

}  // namespace longshore::tools
