#pragma once

// The one writer of a log: a thread that takes everything queued while the previous fsync ran, assigns seq and
// recorded time, hashes, folds the log's views, and commits all of it in one synced batch; then completes.
//
// When a completion is called with a value, the events are durable and folded into every view registered here.
// A redelivered (origin, id) is not appended again: its completion reports the duplicate after a commit that
// covers the first delivery. After a failed commit the outcome is unknown: every waiting and later submission
// fails with errc::unknown_outcome or errc::stopped, nothing is appended any more (fail-stop), and only opening
// the data directory again clears it.
// submit() may be called from any thread and never blocks; a full queue is errc::busy, a disk below the watermark
// errc::no_space, both at once, through the return value; then the completion is not called. (A disk that falls below
// it while events are queued fails those through their completions: nothing of them is written.) A submission's
// events are committed together or not at all. Completions run on the sequencer's thread: be brief, post elsewhere.
// Subscribers are told the new durable size after each commit, on the same thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "log/appender.h"
#include "log/event_log.h"
#include "log/view.h"
#include "storage/env/clock.h"

namespace longshore::log {

// Deliberate defects for negative controls: a harness that cannot see these sees nothing. Never set in service.
struct defects {
  bool acknowledge_before_sync = false;
  bool no_dedup = false;
  bool view_outside_batch = false;
};

struct sequencer_options {
  std::size_t queue_events_max = 65'536;
  std::size_t queue_bytes_max = 64u << 20;  // of their texts
  std::size_t batch_events_max = 2'048;
  std::size_t batch_bytes_max = 4u << 20;
  std::size_t batch_changes_max = 16u << 20;  // bytes of the views' changes; the submission that reaches it is the last
  // Fails with errc::no_space when too little is free; asked before each batch, and while it says no at each
  // submission, from either thread. Null: no check.
  std::function<result<void>()> space_check;
  // Told once, on the sequencer's thread, why it fail-stopped. Null: nobody.
  std::function<void(const error&)> on_failed;
  defects broken;
};

// What a commit made durable, for tailers: consecutive records, shared, immutable.
struct committed {
  event_seq first;
  std::shared_ptr<const std::vector<std::string>> records;
  std::uint64_t durable_size = 0;
};

class sequencer final : public appender {
 public:
  // Brings each view up to the log's durable end first (a view may be new or behind). The log, clock and views
  // must outlive the sequencer.
  static result<std::unique_ptr<sequencer>> start(event_log& log, std::vector<view*> views, const clock& now,
                                                  sequencer_options options);
  ~sequencer() override;  // as stop()

  result<void> submit(std::vector<event> events, on_appended done) override;
  result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                           on_appended done) override;

  using on_commit = std::function<void(const committed&)>;
  // Before the first submission only.
  void subscribe(on_commit told);

  bool failed() const;  // fail-stopped: no append will succeed until reopened
  std::size_t queued() const;
  // Refuses new work, commits what is queued, joins. Idempotent; not from a completion.
  void stop();

 private:
  struct rep;
  explicit sequencer(std::unique_ptr<rep> rep);
  std::unique_ptr<rep> rep_;
};

}  // namespace longshore::log
