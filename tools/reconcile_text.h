#pragma once

// What /v1/reconcile answered, as people read it: each source with what is known of it, and its runs as a table. Pure.

#include <boost/json.hpp>
#include <string>

namespace longshore::tools {

// sources: as GET /v1/reconcile lists them. A run stands in one line, whatever it is: the one that runs, the last, the
// last complete one, or one of those that ended since the start.
std::string reconcile_text(const boost::json::array& sources);

}  // namespace longshore::tools
