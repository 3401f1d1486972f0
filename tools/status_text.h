#pragma once

// A site's status as people read it: a verdict of a few lines before anything else, and the repositories as a table.
//
// Pure: what /v1/status, /v1/verify and /v1/repositories answered goes in; what is missing there is left out.

#include <boost/json.hpp>
#include <string>

namespace longshore::tools {

// Name, role and state (well; attention: it goes on, and not all arrives or is known; failing: something goes on no
// more), lag, what is failed, parked and skipped, the last verification or the last complete reconciles, and what to
// do. verify: of a secondary, else null. not_ready: what /readyz says, when the site is not.
std::string verdict_text(const boost::json::value& status, const boost::json::value& verify,
                         const std::string& not_ready = {});

// A line for each, and below it why the last pass failed, or what leaves the repository out.
std::string repositories_text(const boost::json::array& repositories);

}  // namespace longshore::tools
