#pragma once

// The primary: its log, and the reconciler that looks at the source for what notifications missed, with the journal in
// which it keeps its position. As with the secondary, all of it is the real code.
//
// Notifications are handed to to(), whose commits and answers are the caller's; step() takes a step of the reconciler.

#include <memory>

#include "engine/reconciler.h"
#include "tests/sim/asked_source.h"
#include "tests/sim/profile.h"
#include "tests/sim/stepped_appender.h"
#include "tests/sim/stepped_pauses.h"
#include "tests/sim/turns.h"
#include "tests/support/memory/memory_database.h"

namespace longshore::sim {

// What a primary needs of the world.
struct primary_world {
  watched_source& source;
  const profile& with;
  const clock& now;
  random_source& random;
  log::defects broken;
  // Told of each record of its journal; may be empty.
  std::function<void(const log::event&)> tell;
};

class primary_site {
 public:
  explicit primary_site(primary_world world);
  ~primary_site();  // as crash()
  void start();
  void crash();
  bool up() const { return parts_ != nullptr; }

  bool can_step();
  void step();
  void wake();
  std::optional<timestamp> next_due() const;
  // Nothing runs, is queued, or is to be taken up.
  bool is_at_rest() const;
  // Empty: a run over all, in this mode or a stronger, has ended since then and looked at everything; else why not.
  std::string incomplete(engine::reconcile_mode mode, timestamp since) const;

  log::event_log& log();
  log::event_log& journal_log();
  engine::desired& seen();
  engine::reconciled& looked();
  stepped_appender& to();
  engine::reconciler& looks();

 private:
  struct parts;
  engine::reconciler_status status() const;

  primary_world world_;
  asked_source source_;
  storage::testing::memory_database db_;
  std::unique_ptr<parts> parts_;
};

}  // namespace longshore::sim
