#pragma once

// Which repositories are verified when: those that somebody asks for, at once and one after the other, and all of them
// in turn, spread over `every`, the one verified longest ago first.
//
// begin() starts a run and returns its number: errc::busy while one runs, errc::not_found when nothing matches. With
// repair, what is found amiss is opened again in the journal and the replicator mends it; without, it is noted there,
// as is what the log does not speak of: the repository is not shown as synced until a verification finds it gone.
// last() is the run as it goes and, once it has ended, its result, until the next begins. Its lists are bounded, its
// counts are not. not_compared() is what stands now, whoever asked: repositories whose newest verification could not
// compare them, until one does.
// What is found where a pass runs is opened again when that has ended; the run goes on meanwhile, with a bounded number
// of such repositories, and ends after the last of them.
// One executor. stop() resumes when nothing runs; call it before the replicator is stopped, and let it finish before
// destroying. World and replicator must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/replicator.h"
#include "engine/tasks.h"
#include "engine/verification_turns.h"
#include "engine/verifier.h"

namespace longshore::engine {

struct verify_request {
  std::vector<std::string> repositories;  // names or globs (engine/glob.h); empty: all
  bool deep = false;
  bool repair = true;
};

inline constexpr std::size_t verify_listed_max = 1'000;

struct verify_run {
  struct mismatch {
    std::string repository;
    tag_mismatch what;
  };
  struct unknown {
    std::string repository, reason;
  };
  struct left_out_item {
    std::string repository, ref, why;
  };
  std::uint64_t number = 0;  // 0: there was none
  verify_request asked;
  bool running = false;
  timestamp started, finished;
  std::size_t total = 0, done = 0, clean = 0, unjudged = 0, mismatched = 0, unknown_repositories = 0;
  std::uint64_t unsettled = 0, parked = 0, skipped = 0, mismatches_found = 0, unclaimed = 0;
  std::uint64_t kept_by_target = 0, not_at_source = 0;  // of mismatches_found (engine/verify_verdict.h)
  verify_progress progress;
  std::size_t reopening = 0;            // repositories whose findings wait for a pass to end
  std::string repository;               // being verified now
  std::vector<mismatch> mismatches;     // the first verify_listed_max
  std::vector<unknown> unknowns;        // likewise
  std::vector<left_out_item> left_out;  // likewise
  std::string failure;                  // why it ended before its end
};

struct verification_settings {
  std::int64_t every_ms = 86'400'000;  // 0: only when asked
  verifier_settings one;
};

class verification {
 public:
  verification(boost::asio::any_io_executor on, const sync_world& world, replicator& mends,
               verification_settings settings);

  void start();
  result<std::uint64_t> begin(verify_request asked);
  const verify_run& last() const { return last_; }
  // What is told when a run begins, and at once when it has ended; of the schedule's work nothing is.
  struct listener {
    std::function<void()> began;
    std::function<void(const verify_run&)> ended;
  };
  void tell(listener to) { told_ = std::move(to); }
  std::int64_t every_ms() const { return settings_.every_ms; }
  // What the schedule has done since the start; never `running`.
  const verify_run& scheduled() const { return scheduled_; }
  // Names and reasons, since the start. As many as there are repositories.
  const std::map<std::string, std::string, std::less<>>& not_compared() const { return not_compared_; }
  // Why the last run that was asked for ended before its end; empty once the schedule has been round since.
  std::string broken_off() const;
  // Resumes when the run has ended, or after so long.
  boost::asio::awaitable<void> wait(std::int64_t ms_max);
  boost::asio::awaitable<void> stop();

 private:
  result<bool> is_to_be_read(const std::string& repository) const;
  result<std::vector<std::string>> matching(const std::vector<std::string>& globs) const;
  struct due {
    std::vector<std::string> repositories;  // longest overdue first, at most due_max
    std::int64_t wait_ms = 0;               // between two of them, and before the next look
  };
  result<due> look_for_due() const;
  boost::asio::awaitable<void> run(std::vector<std::string> repositories);
  boost::asio::awaitable<void> keep_verifying();
  task<> note_left(const std::string& repository, const verify_verdict& verdict, bool repair);
  // Whose trouble it was, should it not be compared.
  task<verification_turns::trouble> verify_one(std::string repository, verify_run& into);
  boost::asio::awaitable<void> open_again(std::string repository, verify_verdict verdict, verify_run& into);
  void note_unknown(verify_run& to, const std::string& repository, std::string reason);
  task<> take_back(const std::string& repository, const verify_verdict& verdict);
  void add_amiss(verify_run& to, const std::string& repository, const verify_verdict& verdict);
  void add(verify_run& to, const std::string& repository, const verify_verdict& verdict);

  const sync_world* world_;
  replicator* mends_;
  verification_settings settings_;
  pace rate_;
  task_group group_;
  wait_list ended_, opened_;
  listener told_;
  verify_run last_, scheduled_;
  std::vector<verifier*> working_;
  timer_pauses schedule_;
  verification_turns turns_;
  std::map<std::string, std::string, std::less<>> not_compared_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
