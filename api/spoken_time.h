#pragma once

// Times as people read them in a verdict. Pure.

#include <cstdint>
#include <string>

namespace longshore::api {

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
