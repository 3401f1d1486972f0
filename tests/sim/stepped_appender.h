#pragma once

// The writer of a log in simulation: what log/sequencer.h does on a thread of its own, done when it is this one's turn.
//
// Submissions wait until commit_some() stages and commits some of them (by append_batch, as the sequencer does), and
// answers wait until answer_one() gives them: a crash can come before, between and after. forget() drops both, as a
// crash does. The log, the views and the clock must outlive it.

#include <deque>
#include <functional>
#include <vector>

#include "log/append_batch.h"
#include "storage/env/random.h"

namespace longshore::sim {

class stepped_appender final : public log::appender {
 public:
  // Brings the views up to date first; aborts when that fails, for a memory database has no reason to.
  stepped_appender(log::event_log& to, std::vector<log::view*> views, const clock& now, log::defects broken);

  result<void> submit(std::vector<log::event> events, log::on_appended done) override;
  result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& expected_root,
                           log::on_appended done) override;

  bool has_queued() const { return !queue_.empty(); }
  bool has_answers() const { return !answers_.empty(); }
  void commit_some(random_source& random);
  void answer_one();
  void forget();
  // Told of each event that is committed.
  std::function<void(const log::event&)> tell;

 private:
  struct answer {
    log::on_appended done;
    result<log::append_outcome> outcome;
  };
  log::append_batch batch_;
  std::deque<log::submission> queue_;
  std::deque<answer> answers_;
};

}  // namespace longshore::sim
