#pragma once

// The sites (the primary: primary_site.h): their stores outlive crashes, everything else is made anew at a start. All
// of it is the real code; only what the engine takes through its seams (executor, store, registries, log source,
// pauses, clock) is ours.
//
// One thread. up() says whether the site runs; only then its parts may be used.

#include <memory>

#include "engine/follower.h"
#include "engine/replicator.h"
#include "engine/verification.h"
#include "tests/sim/primary_site.h"

namespace longshore::sim {

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
  // An operator's word that what is held back there may go; done in later steps.
  void allow_deletes(const std::string& repository);

  // Begins a verification of everything, which mends what it finds; done in later steps. False: there is nothing.
  bool verify(bool deep);
  const engine::verify_run& verified() const;

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
  void ask(engine::task<> (engine::replicator::*verb)(std::string), const std::string& repository);

  secondary_world world_;
  storage::testing::memory_database db_;
  std::unique_ptr<parts> parts_;
};

}  // namespace longshore::sim
