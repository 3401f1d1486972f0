#pragma once

// What one seed's world is like. Drawn from the seed, so that each kind of trouble is absent from some worlds, rare
// in others and frequent in a few: most bugs show where only some of them meet.

#include <string>

#include "engine/copier.h"
#include "engine/reconcile_world.h"
#include "engine/replicator.h"
#include "engine/sync_world.h"
#include "storage/env/random.h"
#include "tests/sim/pusher.h"

namespace longshore::sim {

struct profile {
  pusher_options pushes;
  std::uint64_t activities = 10;
  std::uint64_t world_permille = 100;  // how often the world moves while the site has something to do
  bool in_order = false;               // the executor keeps the order of a real event loop

  std::uint64_t lost_permille = 0, doubled_permille = 0;                 // notifications
  std::uint64_t source_faults_permille = 0, target_faults_permille = 0;  // of operations
  std::uint64_t bodies_permille = 0;                                     // of operations: a blob's body breaks
  std::uint64_t refusals = 0;                                            // references that the target never takes
  std::uint64_t stuck = 0;  // references that the source does not give for hours
  std::uint64_t primary_crashes = 0, secondary_crashes = 0, tampers = 0, reconciles = 0;

  bool target_deletes_tags = true, target_deletes_manifests = true, target_mounts = true;
  bool source_lists_referrers = false;
  bool target_checks_content = true;

  engine::sync_settings sync;
  engine::reconcile_settings looks;
  engine::copy_settings copying;
  engine::copier_options copier;
  std::size_t jobs_max = 2;

  bool is_calm() const {
    return source_faults_permille + target_faults_permille + bodies_permille + secondary_crashes + tampers + refusals +
               stuck ==
           0;
  }
};

profile draw_profile(random_source& random);
std::string describe(const profile& p);

}  // namespace longshore::sim
