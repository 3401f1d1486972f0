#pragma once

// A running site: the composition of everything that a configuration describes.
//
// run_site() serves until SIGTERM or SIGINT, or until the log or the journal cannot be written any more, and returns
// the exit code: 0 after an orderly stop, 1 when it could not start or had to end. Every failure is told on standard
// error and in the log file. Order of stopping: no new work, running requests and passes to their end or deadline,
// then the logs.

#include "tools/config.h"
#include "tools/target_claim.h"

namespace longshore::tools {

// target: a secondary's; a primary has none, and renewed is an error there.
int run_site(const config& c, target_trust target = target_trust::journaled);

}  // namespace longshore::tools
