#pragma once

// What a site does when it is a primary, besides taking notifications: looks at the registries of its sources, and
// tells apart what its notifications missed.
//
// create() makes everything and starts nothing; start() takes up what was interrupted; stop() resumes when nothing runs
// any more and must finish before destruction. One executor; logs, sequencers and clock must outlive it.

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "api/ingest.h"
#include "engine/reconciler.h"
#include "tools/clients.h"
#include "tools/config.h"
#include "tools/registry_limits.h"
#include "tools/site_store.h"

namespace longshore::tools {

struct primary_world {
  site_logs& logs;
  log::sequencer& log;
  log::sequencer& journal;
  clock& now;
  registry_limits& limits;
};

class primary {
 public:
  static result<std::unique_ptr<primary>> create(boost::asio::any_io_executor on, primary_world world, const config& c);
  // Tells ingest what the log last heard of each source, and takes its doubts. Before ingest is mounted.
  result<void> attach(api::ingest& incoming);
  result<void> start();
  boost::asio::awaitable<void> stop();

  std::vector<engine::reconciler*> reconcilers() const;
  std::vector<engine::reconciler_status> status() const;

 private:
  struct source {
    std::unique_ptr<engine::timer_pauses> pauses;  // its own: stopping one source must not end the waits of another
    std::unique_ptr<api::registry_client> registry;
    std::unique_ptr<engine::reconciler> reconciler;
  };
  primary(primary_world world, const config& c);

  primary_world world_;
  seeded_random random_;
  engine::journal records_;
  std::vector<source> sources_;
};

// Tells the site's log file how the looks at the sources go, as the journal records it. On its sequencer's thread.
void tell_reconciles(const log::committed& made);

}  // namespace longshore::tools
