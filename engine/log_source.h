#pragma once

// What a secondary needs of its primary: pages of the log. Implemented over HTTP by api/peer_client, in memory by
// the tests.

#include <string>
#include <vector>

#include "engine/registry.h"
#include "log/seq.h"

namespace longshore::engine {

// Consecutive stored records, and the root of the tree that ends with them. Empty records: nothing new within the
// wait; root is then that of the first `first.value` records.
struct log_page {
  std::string log_identity;
  event_seq first;
  std::vector<std::string> records;
  hash256 root{};
  std::uint64_t durable_size = 0;  // of the primary's log, for the lag
};

class log_source {
 public:
  virtual ~log_source() = default;
  // Records from `from` on, at most about bytes_max; waits up to wait_s for the first. errc::conflict when the
  // primary's log ends before `from` (its history is shorter than the follower's).
  virtual task<log_page> read(event_seq from, std::size_t bytes_max, int wait_s) = 0;
};

}  // namespace longshore::engine
