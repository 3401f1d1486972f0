#pragma once

// One run that copies what was named, and ends: the engine of `longshore copy` and `longshore plan`.
//
// run() returns when each item was published, found in place, or failed; one bad item does not stop the others. It
// goes in steps, so that nothing is sent that the target has: the repositories are listed at both ends; tags
// that both have are compared, which also tells what the target holds; where a repository has another name at the
// target, and something is missing, what the target has under the source's name is looked at, too, to be mounted from;
// what is missing or differs is published, whole or not at all (engine/publication.h); accessory tags (cosign's and the
// like) come last, with the images that a tag filter took. Failures that may pass are tried again a few times; a
// registry that does not answer at all ends the run early, with everything left counted as failed. Where asked to, tags
// that the source has no longer are deleted at the end (engine/copy_removal.h), in repositories that were copied as a
// whole and without a failure. A referrer that the target refuses fails as an item of its own, by digest; its image is
// copied. told is called once per item, on the executor, when it has ended. stop(): what runs is given up, and that and
// the rest end as interrupted. One executor, one run() per object; world and pauses must outlive it.

#include <deque>
#include <functional>
#include <list>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/copy_outcome.h"
#include "engine/copy_removal.h"
#include "engine/copy_routes.h"
#include "engine/copy_world.h"
#include "engine/desired.h"
#include "engine/pauses.h"
#include "engine/target_survey.h"

namespace longshore::engine {

// What another source of the same run, named before, brought under a ref of the target.
struct copy_taken {
  std::string digest;  // empty: it failed to, or nobody knows whether it has that tag
  std::string source;
};

struct copy_run_options {
  std::size_t items_at_once = 8;
  std::size_t tags_max = 1'000'000;  // of one repository
  int tries_max = 3;
  std::int64_t first_pause_ms = 500;  // doubles with each try
  std::size_t host_failures_max = 8;  // in a row; then the registry counts as away
  std::size_t listed_from_refs = 8;   // for fewer named refs the target is asked for each, not for its listing
  bool names_may_match = true;        // false: one end has no repositories, and their names say nothing
  // What earlier runs are known to have published under a ref of the target; null: there were none.
  std::function<result<std::optional<std::string>>(const std::string& repository, const std::string& ref)> published;
  // What has come under a ref from another source just now, and stays. Null: nothing.
  std::function<std::optional<copy_taken>(const std::string& repository, const std::string& ref)> taken;
  // Tags that never move once they exist, as the operator promises. Null: none.
  std::function<bool(std::string_view tag)> immutable;
  copy_removal_options removal;
};

class copy_run {
 public:
  using on_outcome = std::function<void(const copy_outcome&)>;
  copy_run(const copy_world& world, pauses& pause, copy_run_options options, on_outcome told)
      : world_(&world),
        pause_(&pause),
        options_(std::move(options)),
        told_(std::move(told)),
        survey_(world),
        removal_(world, options_.removal, [this](removal_end e) { removed(std::move(e)); }) {}
  copy_run(const copy_run&) = delete;

  boost::asio::awaitable<copy_figures> run(std::vector<copy_route> routes);
  void stop() { stopping_ = true; }

  struct running_item {
    copy_item item;
    sync_progress moved;
  };
  const copy_figures& figures() const { return figures_; }
  const std::list<running_item>& running() const { return running_; }

 private:
  using items = std::deque<copy_item>;
  template <class Each>
  boost::asio::awaitable<void> each_of(items work, Each body);

  boost::asio::awaitable<void> compare_and_bring();
  boost::asio::awaitable<void> look_at(copy_route route);
  task<tag_names> tags_at_source(const copy_route& route);
  task<std::vector<copy_ref>> refs_of(const copy_route& route);
  task<> sort_out(const copy_route& route, std::vector<copy_ref> refs);
  result<bool> is_known(const copy_item& item) const;
  boost::asio::awaitable<void> compare(copy_item item);
  std::optional<copy_taken> taken_by_another(const copy_item& item) const;
  task<bool> agrees(const copy_item& item, const copy_taken& with, std::string& digest);
  task<bool> stands(const copy_item& item, std::string& digest);
  boost::asio::awaitable<void> look_for_mounts();
  boost::asio::awaitable<void> bring(copy_item item);
  // The digest; nothing, and the rule, when a filter leaves it out.
  task<std::optional<std::string>> publish(const copy_item& item, sync_progress& moved, std::string& rule);
  void fail_referrer(const std::string& repository, const longshore::digest& d, const error& why);
  task<> take_followers();
  boost::asio::awaitable<void> remove_gone();
  void removed(removal_end e);
  void end(copy_outcome outcome);
  static error interrupted() { return {errc::stopped, "interrupted; run it again"}; }
  bool is_interrupted(const error& why) const;
  void fail_item(copy_item item, error why, sync_progress moved = {});
  boost::asio::awaitable<bool> tries_again(error why, int tries);
  bool must_end() const { return stopping_ || host_failures_ >= options_.host_failures_max; }

  const copy_world* world_;
  pauses* pause_;
  copy_run_options options_;
  on_outcome told_;
  target_survey survey_;
  copy_removal removal_;
  copy_figures figures_;
  std::list<running_item> running_;
  items in_both_, missing_;
  items followers_;  // accessory tags that wait to see whether their subject is taken
  std::set<std::pair<std::string, std::string>> referrers_failed_;  // told once: repository, digest
  std::size_t host_failures_ = 0;                                   // in a row
  std::optional<error> host_failure_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
