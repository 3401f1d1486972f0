#pragma once

// One group commit in the making: submissions become records, dedup, hashes, folded views; then one synced write.
//
// stage() decides each submission's outcome and makes nothing durable or visible; commit() makes all of it
// durable, then visible to readers. After a failure of either the batch takes no more: fail-stop is the caller's.
// Owned and used by the sequencer's thread alone. The log, the views and the clock must outlive it.

#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "log/log_writer.h"
#include "log/sequencer.h"

namespace longshore::log {

struct copied_records {
  event_seq first;
  std::vector<std::string> records;
  hash256 expected_root{};
};

// Either events to be recorded, or records to be copied.
struct submission {
  std::vector<event> events;
  std::optional<copied_records> copy;
  on_appended done;
  result<append_outcome> outcome;  // once staged

  std::size_t event_count() const { return copy ? copy->records.size() : events.size(); }
  // Of their texts; what a bounded queue counts.
  std::size_t size_bytes() const;
};

class append_batch {
 public:
  append_batch(event_log& log, std::vector<view*> views, const clock& now, defects broken);

  // How many of them, the first ones, are staged: the views' changes, which may be many for one event, reach
  // changes_max bytes with the last one, or all are. Fails only when stored state cannot be read; then nothing of the
  // batch may be written.
  result<std::size_t> stage(std::span<submission> taken, bool keep_records, std::size_t changes_max);
  result<void> commit();
  // What commit() made durable; empty unless stage() was asked to keep it.
  committed take_committed();

 private:
  result<append_outcome> stage_events(submission& s, timestamp now, bool keep_records);
  result<append_outcome> stage_copy(submission& s, bool keep_records);
  void stage_record(std::string record, const hash256& leaf, bool keep_records);
  result<bool> is_known(const event& e, std::unordered_map<std::string, event_seq>& fresh) const;

  event_log* log_;
  std::vector<view*> views_;
  const clock* clock_;
  defects broken_;
  log_writer writer_;
  storage::overlay state_;
  storage::write_batch batch_, views_batch_;
  std::unordered_map<std::string, event_seq> fresh_ids_;  // of this batch, by dedup key
  std::vector<std::string> kept_;
  std::uint64_t first_ = 0;
  std::optional<error> failed_read_;
};

}  // namespace longshore::log
