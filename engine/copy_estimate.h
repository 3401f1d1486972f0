#pragma once

// How far a one-shot copy is, in bytes: what is known of the images at work and done, and of the others a guess. Pure.
//
// An image's bytes are known once its manifests are read. One that is not begun counts as the mean of those known, and
// so does one that ended otherwise than copied: so the share that is done never falls because the first image became
// known, and hardly ever else. While none is known the images themselves are counted.

#include <cstdint>
#include <list>

#include "engine/copy_run.h"

namespace longshore::engine {

struct copy_estimate {
  double share_done = 0;         // 0 to 1
  std::uint64_t bytes_done = 0;  // sent, mounted or found there
  std::uint64_t bytes_open = 0;
  bool is_known = false;  // false: of no image yet, and bytes_open says nothing
};

copy_estimate estimate(const copy_figures& ended, const std::list<copy_run::running_item>& running);

}  // namespace longshore::engine
