#pragma once

// Where a notification goes that was well authenticated and could not be understood: kept verbatim, counted, shown.
//
// add() returns after the body is durable. The same body from the same source within the kept set is stored once
// (a registry repeats what it thinks was not delivered). The newest are kept, within the limits it is opened with;
// older ones make room. One writer at a time; reads from any thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/database.h"
#include "storage/env/clock.h"

namespace longshore::log {

struct quarantined {
  std::uint64_t number = 0;
  timestamp received;
  std::string source, reason, content_type, body;
};

struct quarantine_limits {
  std::uint64_t entries_max = 10'000;
  std::uint64_t bytes_max = 256u << 20;  // the newest entry is kept whatever its size
};

class quarantine {
 public:
  static std::vector<storage::family_spec> families();
  static result<std::unique_ptr<quarantine>> open(storage::database& db, quarantine_limits limits = {});

  result<void> add(quarantined entry);  // number is assigned
  // All that were ever added, those that made room included.
  std::uint64_t count() const;
  // Kept entries from number `from` on, oldest first.
  result<std::vector<quarantined>> list(std::uint64_t from, std::size_t most) const;

 private:
  struct kept_set {
    std::uint64_t first = 0, bytes = 0;
  };
  quarantine(storage::database& db, quarantine_limits limits);
  result<void> trim(storage::write_batch& batch, kept_set& kept, std::uint64_t end) const;

  storage::database* db_;
  storage::family entries_, seen_;
  quarantine_limits limits_;
  kept_set kept_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace longshore::log
