#pragma once

// Whose journal a secondary's journal is: what it says was brought to one target registry is not believed of another.
//
// claim_target() compares the target of the configuration with the one that the journal names. A journal that names
// none (a new site, or one of an older version) is given the present one. Another one is errc::conflict, naming both,
// unless the operator said that the target is new: then that is journaled, everything as to be looked at and brought
// anew, open uploads as closed, and at last the new name. A start that is cut short in between is taken up by the next
// one with that target; the one before it may be given again, too, and keeps what was not taken back yet.
// Waits for the disk: before anything else uses the journal. The views must be those that the sequencer folds.

#include <string>

#include "log/appender.h"
#include "tools/site_store.h"

namespace longshore::tools {

enum class target_trust : std::uint8_t {
  journaled,  // it holds what the journal says
  renewed     // it is another registry, or was emptied: nothing is believed
};

result<void> claim_target(const site_logs& logs, log::appender& journal, const std::string& site,
                          const std::string& authority, target_trust trust);

}  // namespace longshore::tools
