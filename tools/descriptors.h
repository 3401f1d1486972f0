#pragma once

// How many files a process may open: enough for every connection and for the database, or no start at all. A site
// that runs out of descriptors cannot open its next log file, and stops.
//
// secure_descriptors() raises the soft limit as far as the hard one allows; errc::invalid, with what to change, when
// connections_max connections, the database and the way out do not fit. Before threads are started.

#include <cstddef>

#include "storage/env/result.h"

namespace longshore::tools {

// What the site needs with so many incoming connections.
std::size_t descriptors_needed(std::size_t connections_max);
result<void> secure_descriptors(std::size_t connections_max);

}  // namespace longshore::tools
