#pragma once

// Where a notification goes that was well authenticated and could not be understood: kept verbatim, counted, shown.
//
// add() returns after the body is durable. The same body from the same source within the kept set is stored once
// (a registry repeats what it thinks was not delivered). The newest are kept, within the limits it is opened with;
// the oldest of the source that has most make room, so that one source does not flush what others left. One writer at a
// time; reads from any thread.

#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
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
  // When the newest was received, which is always kept; 0: there is none.
  timestamp newest_at() const;
  // Kept entries from number `from` on, oldest first.
  result<std::vector<quarantined>> list(std::uint64_t from, std::size_t most) const;

 private:
  // What is kept of one source, oldest first: numbers and bytes.
  struct share {
    std::deque<std::pair<std::uint64_t, std::uint64_t>> entries;
    std::uint64_t bytes = 0;
  };
  using shares = std::map<std::string, share>;
  struct leaving {
    std::string source;
    std::uint64_t number = 0, bytes = 0;
  };
  quarantine(storage::database& db, quarantine_limits limits);
  result<void> read_kept();
  std::vector<leaving> make_room(const std::string& source, std::uint64_t bytes) const;
  result<void> stage_leaving(storage::write_batch& batch, const std::vector<leaving>& all) const;
  std::uint64_t first_kept() const;

  storage::database* db_;
  storage::family entries_, seen_;
  quarantine_limits limits_;
  shares kept_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::int64_t> newest_us_{0};
};

}  // namespace longshore::log
