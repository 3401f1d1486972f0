#pragma once

// Numbers and times as people read them in answers and on terminals. Pure.

#include <cstdint>
#include <string>

namespace longshore::api {

// "12,345"
inline std::string with_commas(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, ",");
  return digits;
}

// "1 repository", "12,345 repositories"
inline std::string counted(std::uint64_t n, const std::string& one, const std::string& many) {
  return with_commas(n) + " " + (n == 1 ? one : many);
}
// "1 image", "2 images"
inline std::string counted(std::uint64_t n, const std::string& one) { return counted(n, one, one + "s"); }

// A length of time in its largest fitting unit: 90 s, 5 min, 3 h, 4 days.
inline std::string time_of(std::uint64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7'200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3'600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

// An RFC 3339 time without its fraction: 2026-11-23T21:19:06Z.
inline std::string second_of(std::string time) {
  const std::size_t dot = time.find('.');
  return dot == std::string::npos ? time : time.substr(0, dot) + "Z";
}

}  // namespace longshore::api
