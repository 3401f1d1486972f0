#pragma once

// What a site keeps on its disk, in memory.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "log/event_log.h"
#include "storage/database.h"

namespace longshore::sim {

std::vector<storage::family_spec> all_families();
// The identity of a log is random; a simulation must not be.
void give_identity(storage::database& db, const std::string& log_name, std::string_view identity);
// Aborts when the log cannot be opened: a memory database has no reason to.
std::unique_ptr<log::event_log> open_log(storage::database& db, const std::string& name);

}  // namespace longshore::sim
