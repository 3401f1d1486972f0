#pragma once

// Tells the site's log file what goes wrong with repositories, as the journal records it: failed and parked items,
// failed passes, with the reason and so the remedy. Runs on the journal's sequencer thread, and only reads.

#include "log/sequencer.h"

namespace longshore::tools {

void tell_failures(const log::committed& made);

}  // namespace longshore::tools
