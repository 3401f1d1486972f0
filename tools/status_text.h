#pragma once

// A site's status as people read it: a verdict of a few lines before anything else, and the repositories as a table.
//
// Pure: what /v1/status, /v1/verify and /v1/repositories answered goes in; what is missing there is left out.

#include <boost/json.hpp>
#include <string>

namespace longshore::tools {

// What the site says that it is: well, attention, failing (api/site_verdict.h); unknown: it says nothing of it.
std::string state_in(const boost::json::value& status);

// Name, role and state, lag, what is failed, parked and skipped, the last verification or the last complete reconciles,
// and what the site says is to be done. verify: of a secondary, else null.
std::string verdict_text(const boost::json::value& status, const boost::json::value& verify);

// A line for each, and below it why the last pass failed, or what leaves the repository out.
std::string repositories_text(const boost::json::array& repositories);

}  // namespace longshore::tools
