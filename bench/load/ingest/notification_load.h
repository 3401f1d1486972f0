#pragma once

// Notifications as fast as they are acknowledged: N kept connections, each with one request under way, in one thread
// over epoll. Requests are made once and only their event ids change, so that the load costs little beside what it
// loads.
//
// run() returns after the time is over and every request under way was answered. Fails when a connection breaks or an
// answer is not 2xx: a figure over failures would mean nothing.

#include <chrono>
#include <cstdint>
#include <string>

#include "bench/load/ingest/percentiles.h"
#include "storage/env/result.h"

namespace longshore::bench {

struct load_options {
  std::uint16_t port = 0;  // on 127.0.0.1
  std::string path;        // of the ingest endpoint
  std::string token;
  bool empty = false;  // GET without a body instead: what HTTP itself costs the two of them
  std::size_t connections = 1;
  std::chrono::milliseconds warm_up{1'000};  // not counted
  std::chrono::milliseconds time{5'000};
  std::uint64_t first_id = 0;  // ids count from here
};

struct load_figures {
  std::uint64_t events = 0;  // acknowledged within the time
  double seconds = 0;
  percentiles acknowledged;  // from the first byte sent to the last byte of the answer
  std::uint64_t next_id = 0;
  std::size_t request_bytes = 0, body_bytes = 0;
  double events_per_second() const { return seconds > 0 ? static_cast<double>(events) / seconds : 0; }
};

result<load_figures> run_load(const load_options& options);

}  // namespace longshore::bench
