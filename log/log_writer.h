#pragma once

// Stages records at the end of a log: puts everything a record needs stored (record, dedup, time, Merkle) into a
// batch, and moves the log's end once that batch is durable.
//
// Between stage() and commit_staged() or drop_staged() nothing is visible to readers. One per log, owned by its
// sequencer, on its thread. Refuses (ensure) a record that is not the next one, or goes back in time.

#include "log/event_log.h"
#include "storage/database.h"

namespace longshore::log {

class log_writer {
 public:
  explicit log_writer(event_log& log);

  // With what is staged.
  std::uint64_t size() const { return edge_.size(); }
  timestamp last_recorded() const { return last_recorded_; }
  const frontier& edge() const { return edge_; }

  // e is the view of record; leaf its leaf_hash().
  void stage(storage::write_batch& batch, std::string_view record, const event_view& e, const hash256& leaf);
  // Puts the mark of the log's new end; after the last stage() of a batch.
  void stage_tail(storage::write_batch& batch);
  // The batch is durable: readers see it from now on.
  void commit_staged();
  void drop_staged();

 private:
  event_log* log_;
  frontier edge_;
  timestamp last_recorded_;
};

}  // namespace longshore::log
