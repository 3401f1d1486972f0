#pragma once

// What a site does when it is a secondary: follows the primary's log and brings its target registry to the same state.
//
// create() claims the journal for the target, makes everything and starts nothing; start() takes up the open work;
// stop() resumes when nothing runs any more and must finish before destruction. One executor; logs, sequencers and
// clock must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "engine/follower.h"
#include "engine/operator_actions.h"
#include "engine/replicator.h"
#include "engine/target_watch.h"
#include "engine/verification.h"
#include "log/overheard.h"
#include "log/sequencer.h"
#include "tools/clients.h"
#include "tools/config.h"
#include "tools/registry_limits.h"
#include "tools/site_store.h"
#include "tools/target_claim.h"

namespace longshore::tools {

struct secondary_world {
  site_logs& logs;
  log::sequencer& log;
  log::sequencer& journal;
  clock& now;
  registry_limits& limits;
};

class secondary {
 public:
  static result<std::unique_ptr<secondary>> create(boost::asio::any_io_executor on, secondary_world world,
                                                   const config& c, target_trust trust = target_trust::journaled);
  result<void> start();
  boost::asio::awaitable<void> stop();

  engine::follower_status following() const { return follower_->status(); }
  engine::replicator_status replicating() const { return replicator_->status(); }
  engine::verification& verifying() { return *verification_; }
  // Why the target may have lost what was brought there; empty: nothing speaks for it.
  std::string target_suspicion() const { return watch_->suspicion(); }
  // Lets deletions go on that were held back for being too many.
  engine::task<> allow_deletes(std::string repository);
  engine::task<> resync(std::string repository) { return replicator_->resync(std::move(repository)); }
  engine::task<std::uint64_t> act(engine::operator_request r) { return actions_->carry_out(std::move(r)); }
  // Immutable: may be asked on any thread.
  const engine::replication_filter& filter() const { return *filter_; }

 private:
  secondary(boost::asio::any_io_executor on, secondary_world world, const config& c);
  boost::asio::awaitable<void> report_position();
  boost::asio::awaitable<void> measure();
  boost::asio::awaitable<void> tidy_uploads();
  void remember_contact(std::int64_t every_us);
  void build();

  boost::asio::any_io_executor on_;
  secondary_world world_;
  config config_;
  std::unique_ptr<api::registry_client> source_, target_;
  std::unique_ptr<api::peer_client> primary_;
  // The report has connections of its own: a long poll must not hold it up.
  std::unique_ptr<api::peer_client> reporter_;
  engine::timer_pauses pauses_;
  engine::timer_pauses report_pauses_;
  seeded_random random_;
  log::overheard heard_;
  engine::journal records_;
  std::unique_ptr<engine::journaled_locations> where_;
  std::unique_ptr<engine::copier> copier_;
  std::unique_ptr<engine::sync_world> sync_world_;
  std::shared_ptr<const engine::replication_filter> filter_;
  std::unique_ptr<engine::replicator> replicator_;
  std::unique_ptr<engine::verification> verification_;
  std::unique_ptr<engine::target_watch> watch_;
  std::unique_ptr<engine::operator_actions> actions_;
  std::unique_ptr<engine::follower> follower_;
  engine::task_group reports_;
  engine::primary_contact contact_kept_;  // as far as it is written down
};

}  // namespace longshore::tools
