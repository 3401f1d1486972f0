#pragma once

// Records and directories that the micro benchmarks share: realistic notifications of about a kilobyte, over a
// thousand repositories, and a site's database filled with them.
//
// site_with() fills once per size and process; forget_sites() closes and removes them all, while everything that
// RocksDB needs for it is still there: before main() returns.

#include <string>
#include <vector>

#include "log/event.h"
#include "tools/site_store.h"

namespace longshore::bench {

// number decides everything; ids are unique.
log::event sample_event(std::uint64_t number);
std::string sample_envelope(std::uint64_t number);

struct filled_site {
  tools::site_store store;
  tools::site_logs logs;
};
filled_site& site_with(std::uint64_t records);
void forget_sites();

}  // namespace longshore::bench
