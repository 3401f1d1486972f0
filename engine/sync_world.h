#pragma once

// What the work on repositories needs of the world, handed in once; and the settings that shape it.

#include "engine/actual.h"
#include "engine/backoff.h"
#include "engine/copy_world.h"
#include "engine/decisions.h"
#include "engine/desired.h"
#include "engine/journal.h"
#include "engine/pauses.h"
#include "storage/env/clock.h"
#include "storage/env/random.h"

namespace longshore::engine {

enum class delete_mode : std::uint8_t {
  mirror,  // what is gone at the source goes at the target, where that is safe
  keep     // the target keeps what it has
};

struct sync_settings {
  delete_mode deletes = delete_mode::mirror;
  std::size_t items_at_once = 4;          // of one repository
  std::size_t items_per_page = 256;       // held in memory at a time
  std::size_t failures_max = 1'000;       // of one pass; more end it
  std::size_t target_tags_max = 10'000;   // listed to prove that a deletion is safe
  std::size_t listed_tags_max = 500'000;  // of one repository, by name alone
  deletion_ceiling ceiling;
  std::int64_t patience_first_ms = 50;  // for a tag that its event was ahead of; doubles
  int patience_tries = 3;
  std::int64_t recent_us = 600'000'000;    // an event younger than this may be ahead of its tag
  std::int64_t apart_look_ms = 3'600'000;  // until what was settled otherwise than told is looked at again
  backoff_policy backoff;
};

struct sync_world : copy_world {
  journal& records;
  const desired& wanted;
  const actual& done;
  pauses& pause;
  const clock& now;
  random_source& random;
  sync_settings settings;
};

}  // namespace longshore::engine
