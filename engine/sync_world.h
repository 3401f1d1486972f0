#pragma once

// What the work on repositories needs of the world, handed in once; and the settings that shape it.

#include <memory>

#include "engine/actual.h"
#include "engine/backoff.h"
#include "engine/closure.h"
#include "engine/copier.h"
#include "engine/desired.h"
#include "engine/journal.h"
#include "engine/pauses.h"
#include "engine/registry.h"
#include "storage/env/clock.h"
#include "storage/env/random.h"

namespace longshore::engine {

enum class delete_mode : std::uint8_t {
  mirror,  // what is gone at the source goes at the target, where that is safe
  keep     // the target keeps what it has
};

struct sync_settings {
  delete_mode deletes = delete_mode::mirror;
  bool subjects = true;                  // copy what a manifest's subject names
  bool referrers = true;                 // copy what refers to a manifest, where the source can list it
  std::size_t items_at_once = 4;         // of one repository
  std::size_t blobs_at_once = 6;         // of one item
  std::size_t items_per_page = 256;      // held in memory at a time
  std::size_t failures_max = 1'000;      // of one pass; more end it
  std::size_t target_tags_max = 10'000;  // listed to prove that a deletion is safe
  std::size_t referrers_max = 1'000;     // of one item
  std::int64_t patience_first_ms = 50;   // for a tag that its event was ahead of; doubles
  int patience_tries = 3;
  std::int64_t recent_us = 600'000'000;  // an event younger than this may be ahead of its tag
  closure_limits limits;
  backoff_policy backoff;
};

// What the work found out about the registries; shared by all passes, forgotten by a restart.
struct learned_facts {
  bool source_lists_referrers = true;  // until it says that it cannot
};

struct sync_world {
  registry& source;
  registry& target;
  journal& records;
  const desired& wanted;
  const actual& done;
  const locations& where;
  copier& blobs;
  pauses& pause;
  const clock& now;
  random_source& random;
  sync_settings settings;
  std::shared_ptr<learned_facts> learned = std::make_shared<learned_facts>();
};

// Of one pass, as it goes; read by the status.
struct sync_progress {
  std::uint64_t published = 0, removed = 0, unchanged = 0, failed = 0, parked = 0;
  std::uint64_t bytes_sent = 0;
};

}  // namespace longshore::engine
