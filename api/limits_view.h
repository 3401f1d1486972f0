#pragma once

// A registry's limits and what came of them, as plain values: for the status, /v1/limits and /metrics.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/env/clock.h"

namespace longshore::api {

struct host_counters {
  std::uint64_t requests = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t throttled = 0, unauthorized = 0, unavailable = 0;  // answers 429, 401, 503
  std::uint64_t broken = 0;                                        // no answer: time-outs and broken connections
  std::uint64_t retry_afters = 0;                                  // answers that asked to be left alone
  std::uint64_t halvings = 0;                                      // of the connections allowed
};

// Requests in a row that came to nothing for the registry's sake, or the network's: no answer, or 401, 429 or 5xx.
struct vain_requests {
  std::uint64_t in_a_row = 0;  // 0: the newest was served
  timestamp since, last;
  std::string why;  // of the last: "status 401", "no answer: ..."
};

// Who said what a limit is now.
enum class limit_origin : std::uint8_t { configuration, schedule, operator_ };
std::string_view name_of(limit_origin o);

struct host_limits_view {
  std::vector<std::string> sections;  // of the configuration: "source_registry"
  std::string host;
  std::uint64_t bytes_per_second = 0;  // in force; 0: no limit
  limit_origin bytes_by = limit_origin::configuration;
  double requests_per_second = 0;  // in force; 0: no limit
  limit_origin requests_by = limit_origin::configuration;
  std::uint32_t connections_allowed = 0, connections_min = 0, connections_max = 0;
  std::size_t requests_waiting = 0, transfers_waiting = 0;
  std::optional<timestamp> left_alone_until;
  host_counters counters;
  vain_requests vain;
};

}  // namespace longshore::api
