#include "log/log_writer.h"

#include "log/layout.h"
#include "storage/env/ensure.h"

namespace longshore::log {

log_writer::log_writer(event_log& log) : log_(&log), edge_(log.frontier_), last_recorded_(log.last_recorded_) {}

void log_writer::stage(storage::write_batch& batch, std::string_view record, const event_view& e, const hash256& leaf) {
  ensure(e.seq.value == edge_.size(), "records are staged in the order of their seq");
  ensure(e.recorded >= last_recorded_, "recorded time never decreases along a log");
  const std::string key = to_key(e.seq);
  batch.put(log_->records_, key, record);
  batch.put(log_->times_, time_key(e.recorded, e.seq), {});
  if (!e.id.empty()) batch.put(log_->dedup_, dedup_key(e.origin, e.id), key);
  edge_.append(leaf, [&](std::uint8_t level, std::uint64_t index, const hash256& hash) {
    batch.put(log_->merkle_, merkle_key(level, index), bytes_of(hash));
  });
  last_recorded_ = e.recorded;
}

void log_writer::stage_tail(storage::write_batch& batch) {
  batch.put(log_->meta_, tail_key, to_value({edge_.size(), edge_.root()}));
}

void log_writer::commit_staged() {
  log_->frontier_ = edge_;
  log_->last_recorded_ = last_recorded_;
  log_->durable_size_.store(edge_.size(), std::memory_order_release);
}

void log_writer::drop_staged() {
  edge_ = log_->frontier_;
  last_recorded_ = log_->last_recorded_;
}

}  // namespace longshore::log
