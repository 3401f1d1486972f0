#pragma once

// One pass over one repository: everything the log says about it and that is not settled yet is brought about at
// the target, item by item, and journaled item by item.
//
// run() returns when each open item below the size seen at its start was published, removed, parked, or failed, and
// the pass itself is journaled: synced only when none is open. One bad item does not stop the others; a registry that
// does not answer ends the pass early. Fails when the journal or a view cannot be used, and with errc::stopped after
// stop(): then the pass simply has not ended, and the next start goes on from the items.
// What the filters leave out is journaled as skipped, with the rule. Signatures and other accessory tags come after
// the tags of their page and are taken when their subject stands at the target; one that was skipped is opened again by
// the record that publishes its subject. An operator's skip is obeyed by whatever has not begun.
// Tags are published before untagged manifests (which then are there already), and what failed in an earlier pass after
// what is new. Removals come last, when all of them
// are known: where the source lists so little that more than a share of the target's tags would go, all are held
// back; where its last tags would, those that the registry itself did not tell of. At most one pass per repository at a
// time; one executor; the world and the progress must outlive it.

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/decisions.h"
#include "engine/publication.h"
#include "engine/removal.h"

namespace longshore::engine {

struct pass_report {
  bool worked = false;        // something was open
  bool synced = true;         // nothing is, of what was seen
  bool host_trouble = false;  // a registry does not answer: new events do not make a retry sensible
  bool held = false;          // deletions were held back: a later look may find them void
  timestamp retry_at;         // when not synced
};

class repository_sync {
 public:
  // What was settled otherwise than the log says may be looked at again before: nothing need tell when the source comes
  // round, not even a reconcile, which finds the log and the source agreed.
  enum class look : bool { no, yes };
  repository_sync(const sync_world& world, std::string repository, sync_progress& progress, look again = look::no)
      : world_(&world),
        look_(again),
        repository_(std::move(repository)),
        progress_(&progress),
        publication_(world, repository_, progress),
        removal_(world, repository_) {}

  task<pass_report> run();
  void stop() { stopping_ = true; }

 private:
  struct open_item {
    desired_item wanted;
    std::optional<actual_item> done;
    bool gone = false;  // at the source, as far as known
    bool settled = false;
    std::string told;  // the digest that the log says; empty: gone
  };
  using records = std::vector<log::event>;

  task<> begin();
  task<> work_round(const std::optional<actual_repository>& before);
  // What was never tried comes before what has failed: a few that fail for good do not keep the others waiting.
  enum class part : std::uint8_t { publishing, retrying, removing, removing_again };
  void begin_part();
  result<void> each_open(part p, const std::function<bool(open_item)>& visit);
  result<std::vector<open_item>> read_page(part p);
  result<std::vector<open_item>> read_longest_waiting(part p);
  bool belongs_to(part p, const desired_item& item, const std::optional<actual_item>& done) const;
  task<> work_through(part p, std::uint64_t from);
  task<> publish_page(std::vector<open_item>& page, part p);
  bool is_gone(const desired_item& item) const { return item.gone || found_gone_.contains(item.ref); }
  task<> publish_some(std::vector<open_item*> items);
  task<> settle_held(std::vector<open_item*> items);
  task<> publish_one(open_item& item);
  task<records> bring_tag(open_item& item, manifest_claims& claims);
  task<records> bring_tag_as_shown(open_item& item, manifest_document shown, bool last_try, manifest_claims& claims);
  task<records> bring_manifest(open_item& item, manifest_claims& claims);
  task<> settle(const open_item& item, result<records> outcome);

  // repository_sync_removal.cc
  task<> decide_removals(const std::optional<actual_repository>& before);
  task<> remove_page(std::vector<open_item>& page);
  task<> remove_one(open_item& item);
  task<> refuse_removal(open_item& item);
  result<void> reopen_freed(const open_item& item, records& outcome);

  // repository_sync_filter.cc
  task<> skip_tags(std::vector<open_item*> items);
  result<replication_filter::verdict> verdict_on(const open_item& tag) const;
  result<replication_filter::verdict> verdict_on(const open_item& item, const manifest_document& document) const;
  records skipped(const open_item& item, const std::string& rule);
  log::event published(const open_item& item, const longshore::digest& d);
  result<void> reopen_followers(records& outcome);
  result<bool> still_open(const open_item& item) const;
  bool must_end() const { return stopping_ || broken_ || part_over_; }

  // repository_sync_apart.cc
  task<> look_at_apart();
  boost::asio::awaitable<std::vector<actual_item>> worth_asking(std::vector<actual_item> held);
  task<> bring_meanwhile(const open_item& item, manifest_document shown, manifest_claims& claims);
  static void mark_apart(const open_item& item, records& outcome);
  static bool is_apart(const open_item& item, const log::event& outcome);

  const sync_world* world_;
  look look_;
  std::string repository_;
  sync_progress* progress_;
  publication publication_;
  removal removal_;

  pass_tally tally_;
  event_seq cursor_;
  std::set<std::string> handled_at_cursor_;
  std::set<std::string, std::less<>> tried_again_;  // in this part
  bool removals_open_ = false;
  std::set<std::string, std::less<>> found_gone_;  // at the source, though the log does not say so
  std::set<std::string, std::less<>> failed_now_;  // in this pass: failures_max of each part
  std::optional<error> removals_refused_;          // for every removal of this pass, but for:
  bool told_may_go_ = false;                       // those that the registry itself told of
  bool held_back_ = false;                         // because there are too many of them
  bool any_held_ = false;                          // now or before
  int host_failures_in_a_row_ = 0;
  int host_failures_in_part_ = 0;  // in a row
  std::size_t failures_in_part_ = 0;
  bool part_over_ = false;  // too much failed in it
  bool stopping_ = false;
  bool reopened_ = false;  // something skipped was opened again by what this pass published
  std::optional<error> broken_;
};

}  // namespace longshore::engine
