#pragma once

// One run over a source: which repositories, several at once, and where it is, journaled as it goes.
//
// run() returns when every repository was looked at, or when it had to break off (the catalog or the registry failed,
// the log takes nothing): then its position is journaled, and a run made with that position goes on from there. Which
// repositories: those asked for, or those configured, or the catalog and what the log knows besides; where the
// catalog is refused, what the log knows, and then the run is not complete. A catalog that breaks off is no catalog. A
// repository that fails is looked at once more at the end. A source where most of the known repositories that this run
// looks at have lost most of their tags is not believed, unless they were asked for by name: nothing of that is
// recorded, and the run ends not complete. Where other sources have registries, too, what this one never showed is not
// missed here, unless it was asked for by name.
// Fails when the journal or a view cannot be used, and with errc::stopped after the pauses were stopped: then only the
// position is left behind. One executor; the world must outlive it.

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "engine/repository_look.h"

namespace longshore::engine {

struct run_request {
  std::string run;  // its name, never used twice
  reconcile_mode mode = reconcile_mode::tags;
  bool rotate = false;                    // and check the digests of this run's share of repositories
  bool recent_first = false;              // those that the log spoke of last come first
  std::vector<std::string> repositories;  // empty: all
  std::string why;
  std::set<std::string, std::less<>> named = {};    // believed when they have vanished: somebody asked for them by name
  std::set<std::string, std::less<>> besides = {};  // looked at in any case, and no more believed than the others
};

struct run_progress {
  reconcile_record record;  // counts and all
  std::string names_from;   // "the catalog", "the configuration", "the log", "the request"; empty: not known yet
  std::optional<std::int64_t> remaining_ms;
};

enum class run_end : std::uint8_t {
  ended,      // every repository was looked at, whether or not that succeeded
  broken_off  // one over all is to be taken up again; one over some was in vain
};

class reconcile_run {
 public:
  // resumed: the record of an open run of this name; none: it begins.
  reconcile_run(const reconcile_world& world, run_request request, const std::optional<reconcile_record>& resumed);

  task<run_end> run();
  run_progress progress() const;
  const run_request& request() const { return request_; }
  const reconcile_record& record() const { return record_; }
  // Its start is durable: without one its positions say nothing, and it begins anew.
  bool has_begun() const { return has_begun_; }

 private:
  using names = std::vector<std::string>;
  task<names> plan();
  task<names> plan_from_catalog();
  void add_asked(std::set<std::string>& to) const;
  result<names> known_to_log(const std::set<std::string>& besides) const;
  result<names> in_order(std::set<std::string> all);
  task<> choose_digest_checks();
  task<> count_known();
  boost::asio::awaitable<void> work();
  task<> look_at(std::size_t i);
  boost::asio::awaitable<void> look_in_turn();
  result<bool> is_of_this_source(const std::string& name) const;
  result<bool> is_on_record(const std::string& name) const;
  bool believes(const std::string& name) const { return believe_ || request_.named.contains(name); }
  bool has_vanished_too_much() const;
  void distrust();
  void note_vanished(std::size_t i);
  void note_not_here(std::size_t i);
  bool is_another(const reconciled_source& s) const;
  result<bool> has_moved(const std::string& name) const;
  void leave(const std::string& name);
  task<std::vector<std::size_t>> gone_for_good(std::vector<std::size_t> vanished);
  result<bool> is_back(const std::string& name) const;
  result<std::optional<timestamp>> missed_before(const std::string& name) const;
  result<bool> were_others_looked_at_since(timestamp missed) const;
  result<bool> is_known(const std::string& name) const;
  task<> note(std::size_t i, const look_report& report, reconcile_mode mode);
  task<> journal_position();
  task<run_end> end();
  void advance();
  boost::asio::awaitable<void> look_at_all(std::vector<std::size_t> which);
  void note_failure(std::size_t i, const error& why);
  bool must_end() const { return broken_ || unusable_ || !distrusted_.empty(); }

  const reconcile_world* world_;
  run_request request_;
  pace pace_;
  reconcile_record record_;
  bool resumed_, has_begun_;
  std::string names_from_;
  timestamp looking_since_;
  std::uint64_t done_before_ = 0;

  names todo_;
  std::size_t recent_ = 0;  // the first so many of todo_ are out of order
  std::vector<bool> done_;
  std::vector<std::size_t> turns_;   // into todo_, those to look at now
  std::size_t next_ = 0, mark_ = 0;  // next of turns_ to take; all of todo_ before mark_ are done
  std::set<std::string, std::less<>> digest_checks_;
  std::vector<log::event> to_journal_;
  std::uint64_t since_journaled_ = 0;
  bool journaling_ = false;
  std::vector<std::size_t> failed_;    // to be looked at once more
  std::vector<std::size_t> vanished_;  // most of their tags are gone: to be believed in the end, or not
  std::set<std::string> shown_;        // by the catalog or the configuration
  std::set<std::string> unlisted_;     // that the log knows and the catalog does not
  std::uint64_t known_ = 0;            // how many of todo_ the log knows tags of
  bool any_tag_ = false;               // the source showed one
  bool believe_ = false;               // what has vanished is recorded
  std::string distrusted_;             // why the source is not believed; empty: it is
  bool last_try_ = false;
  bool heard_ = false;  // the source answers us: what it refuses it refuses for that repository
  std::size_t failures_in_a_row_ = 0;
  std::string first_failure_;
  std::optional<error> broken_;    // the source, or the log for now
  std::optional<error> unusable_;  // this site
};

}  // namespace longshore::engine
