#pragma once

// The two sites: their stores outlive crashes, everything else is made anew at a start. All of it is the real code;
// only what the engine takes through its seams (executor, store, registries, log source, pauses, clock) is ours.
//
// One thread. up() says whether the site runs; only then its parts may be used.

#include <memory>

#include "engine/follower.h"
#include "engine/replicator.h"
#include "tests/sim/profile.h"
#include "tests/sim/stepped_appender.h"
#include "tests/sim/stepped_pauses.h"
#include "tests/sim/turns.h"
#include "tests/sim/watched_registry.h"
#include "tests/support/memory/memory_database.h"

namespace longshore::sim {

class primary_site {
 public:
  primary_site(const clock& now, log::defects broken);
  void start();
  void crash();
  bool up() const { return to_ != nullptr; }

  log::event_log& log() { return *log_; }
  engine::desired& seen() { return *view_; }
  stepped_appender& to() { return *to_; }

 private:
  const clock* now_;
  log::defects broken_;
  storage::testing::memory_database db_;
  std::unique_ptr<log::event_log> log_;
  std::unique_ptr<engine::desired> view_;
  std::unique_ptr<stepped_appender> to_;
};

// What a secondary needs of the world.
struct secondary_world {
  primary_site& primary;
  watched_source& source;
  watched_target& target;
  const profile& with;
  const clock& now;
  random_source& random;
  log::defects broken;
  // How the line to the primary fails now, if it does.
  std::function<std::optional<error>()> line_fault;
  // Told of each record of the secondary's journal; may be empty.
  std::function<void(const log::event&)> tell;
};

class secondary_site {
 public:
  explicit secondary_site(secondary_world world);
  ~secondary_site();  // as crash()
  void start();
  void crash();
  bool up() const { return parts_ != nullptr; }

  bool can_step();
  void step();
  // The primary has more, or is gone: those who wait for it look again.
  void primary_moved();
  void wake() { pauses().wake(); }
  std::optional<timestamp> next_due() { return pauses().next_due(); }
  bool is_at_rest();
  // Asks for a repository to be gone over anew; done in later steps.
  void resync(const std::string& repository);

  log::event_log& log();
  log::event_log& journal_log();
  engine::desired& wanted();
  engine::actual& done();
  engine::locations& where();
  engine::replicator_status status();

 private:
  class line;
  struct parts;
  stepped_pauses& pauses();

  secondary_world world_;
  storage::testing::memory_database db_;
  std::unique_ptr<parts> parts_;
};

}  // namespace longshore::sim
