#pragma once

// Looks at one source again and again, so that what its notifications missed is found: on a schedule, on demand, when
// something speaks for a loss, and for the first time when the log knows nothing of it yet (the backfill).
//
// Runs of a source never overlap. What is asked for while one runs is done by one run after it, which unites all that
// was asked (the stronger mode, all repositories), and believes what was asked for by name (until this process ends;
// names_max at most): what was looked at before the question may have changed since. A
// run over all that broke off, or that a stop interrupted, is taken up where it was, also after a restart.
// suspect() says that events may have been lost: journaled, shown until a whole run with digests has completed that
// began after it, and cause for such a run (with on_hint), at most one in hint_gap_ms; one that a start finds
// unsettled is cause for one, too.
// A journal that takes nothing for the moment (a full disk, a full queue) is tried again; one that cannot be written
// until the site is started anew halts this, for good and shown. start() once; stop() resumes
// when nothing runs any more and must finish before destruction. One executor; the world must outlive it.

#include <deque>
#include <memory>
#include <string>

#include "engine/reconcile_run.h"
#include "engine/tasks.h"

namespace longshore::engine {

struct reconciler_status {
  std::string source;    // its configured name
  std::string registry;  // host:port
  std::optional<run_progress> running;
  std::string queued;                  // the run that comes next: at once, or for a suspicion at next_at
  timestamp next_at;                   // when the next comes by itself; 0: none does
  reconciled_source reconciled;        // as journaled
  std::deque<reconcile_record> ended;  // since the start, newest last; one that was taken up: as it ended last
  std::string halted;                  // why nothing is done until the site is started again; empty: working
};

class reconciler {
 public:
  reconciler(boost::asio::any_io_executor on, reconcile_world world)
      : world_(std::move(world)), loop_(on), alarms_(on) {}

  result<void> start();
  // Returns the name of the run that does it. Repositories named are believed to have vanished, should the source show
  // so; those that only matched a pattern are not: whoever wrote it may not have meant them. None of either, or more
  // than 100,000: all.
  std::string request(reconcile_mode mode, std::vector<std::string> named, std::string why,
                      std::vector<std::string> matched = {});
  void suspect(const std::string& reason);
  // Resumes when nothing runs or is queued.
  boost::asio::awaitable<void> idle();
  boost::asio::awaitable<void> stop();

  const std::string& source() const { return world_.name; }
  // Reads the view: for a thread that may block.
  result<reconciler_status> status() const;

 private:
  boost::asio::awaitable<void> loop();
  boost::asio::awaitable<void> run_next();
  boost::asio::awaitable<void> alarm(std::uint64_t turn, std::int64_t ms, run_request wanted);
  boost::asio::awaitable<void> note();
  task<> write_down(log::event e);  // until it is durable, or this halts or stops
  bool is_noted() const;
  void halt(const error& why);
  void enqueue(run_request wanted);
  void wait_for(std::int64_t ms, run_request wanted);
  void after(const result<run_end>& outcome);
  void schedule(bool anew);
  run_request again(const reconcile_record& r) const;
  std::string fresh_name();
  run_request whole(reconcile_mode mode, std::string why);
  run_request whole_for(const std::string& doubt);

  reconcile_world world_;
  task_group loop_, alarms_;
  wait_list wake_, idle_;
  std::optional<run_request> queued_;
  std::optional<reconcile_record> interrupted_;         // a run over all, to be taken up
  bool has_begun_ = false;                              // that one: its start is journaled
  std::set<std::string, std::less<>> named_, besides_;  // by whoever asked for what it has taken in
  std::unique_ptr<reconcile_run> running_;
  std::deque<reconcile_record> ended_;
  std::uint64_t turn_ = 0, broken_runs_ = 0, names_ = 0;
  timestamp next_at_, hint_run_at_, whole_due_, last_begun_, doubted_at_;
  std::string halted_, doubt_;  // doubt_: suspected, and not yet durable
  std::uint64_t doubts_ = 0;
  bool noting_ = false;
  struct hint_run {
    std::string name;
    timestamp due;
  };
  std::optional<hint_run> hint_waits_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
