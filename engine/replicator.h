#pragma once

// The schedule of a secondary: which repositories have open work, which are worked on now, which wait for a retry.
//
// start() takes up what the views leave open, and what filters left out that were others than today's. changed() is
// told of every repository the log speaks of; a change during a pass makes one more pass, however many changes there
// were. At most jobs_max passes run, at most one per repository. A failed pass comes again at its retry time, or with
// the next change - unless a registry does not answer: then changes wait for the retry time too. When the journal
// cannot be written any more, nothing is scheduled and status().halted says why. All verbs are for the engine's
// executor. stop() resumes when no pass runs: those running are asked to end, and after the deadline cancelled. Call
// it, and let it finish, before destroying; the world must outlive it.

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/rate_meter.h"
#include "engine/repository_sync.h"
#include "engine/tasks.h"

namespace longshore::engine {

struct replicator_options {
  std::size_t jobs_max = 4;
  std::int64_t stop_deadline_ms = 10'000;
};

struct replicator_status {
  struct job {
    std::string repository;
    timestamp started;
    sync_progress progress;
  };
  std::vector<job> running;
  std::size_t queued = 0, waiting = 0;
  sync_progress totals;          // since the start, without the running ones
  double bytes_per_second = 0;   // copied to the target, lately
  std::uint64_t bytes_open = 0;  // of the images at work
  std::uint64_t passes = 0, failed_passes = 0;
  copier_counters blobs;
  std::string halted;  // empty: working
};

class replicator {
 public:
  replicator(boost::asio::any_io_executor on, const sync_world& world, replicator_options options);

  result<void> start();
  void changed(const std::string& repository);
  // Forgets what is known to be done there and goes over it anew; returns when that is journaled and scheduled.
  task<> resync(std::string repository);
  // Lets the deletions that were held back there go on; likewise.
  task<> allow_deletes(std::string repository);
  // The same for what makes() says when no pass over the repository runs: records that open items again. Nothing is
  // journaled or scheduled when there are none.
  task<> reopen(std::string repository, std::function<result<std::vector<log::event>>()> makes);
  // Works on it now, or once more after the running pass: also where a retry is waited for.
  void due(const std::string& repository);
  // Takes note of how much was copied: call it every few seconds.
  void measure() { rate_.sample(world_->now.now(), world_->blobs.counters().bytes_copied); }
  // Resumes when nothing is queued or running (repositories may wait for a retry).
  boost::asio::awaitable<void> idle();
  boost::asio::awaitable<void> stop();

  replicator_status status() const;
  bool selects(std::string_view repository) const;

 private:
  enum class phase : std::uint8_t { idle, queued, running, waiting };
  struct entry {
    phase at = phase::idle;
    bool again = false;         // changed while running or held
    bool host_trouble = false;  // while waiting
    bool look = false;          // the next pass looks at what was settled otherwise than told
    int held = 0;               // a resync is about to be journaled: no pass may start
    std::uint64_t turn = 0;     // a retry of an earlier turn is void
    std::uint64_t errors = 0;   // passes in a row that could not even be journaled
  };
  struct running_job {
    timestamp started;
    sync_progress progress;
    std::unique_ptr<repository_sync> pass;
  };

  void enqueue(const std::string& repository, entry& e);
  void start_jobs();
  boost::asio::awaitable<void> run_job(std::string repository);
  boost::asio::awaitable<void> retry_later(std::string repository, std::uint64_t turn, std::int64_t ms);
  void wait_for_retry(const std::string& repository, entry& e, std::int64_t ms);
  void look_later(const std::string& repository, bool held);
  boost::asio::awaitable<void> look(std::string repository);
  void finish(const std::string& repository, const result<pass_report>& outcome);
  void forget_if_idle(const std::string& repository);

  const sync_world* world_;
  replicator_options options_;
  task_group jobs_, retries_;
  std::map<std::string, entry> entries_;  // those with something to do
  std::deque<std::string> queue_;         // each at most once
  std::map<std::string, running_job> running_;
  std::set<std::string> looks_;  // repositories that have one to come
  wait_list pass_ended_;
  sync_progress totals_;
  rate_meter rate_;
  std::uint64_t passes_ = 0, failed_passes_ = 0;
  std::string halted_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
