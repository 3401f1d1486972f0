#pragma once

// Where events are handed over to become records of a log: what writers of a log know of it.
//
// Two implementations: the sequencer, on its own thread, and the simulation's, which commits when its turn comes;
// both stage and commit by append_batch.h. When a completion is called with a value, the events are durable and
// folded into the log's views. What is refused at once is the return value, and then the completion is not called.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "log/event.h"
#include "storage/digest.h"

namespace longshore::log {

struct append_outcome {
  event_seq first;  // of the first appended record (meaningless when appended is 0)
  std::uint64_t appended = 0;
  std::uint64_t duplicates = 0;  // acknowledged, already in the log
};
using on_appended = std::function<void(result<append_outcome>)>;

class appender {
 public:
  virtual ~appender() = default;

  // Each event's seq and recorded are ignored. An event too large to store fails the whole submission
  // (errc::too_large) and appends none of it.
  virtual result<void> submit(std::vector<event> events, on_appended done) = 0;
  // For a copy of another log: stored bytes, which must continue this log exactly (seq and identity) and lead to
  // expected_root at size first + records.size(); else errc::conflict and nothing is applied.
  virtual result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                                   on_appended done) = 0;
};

}  // namespace longshore::log
