#pragma once

// What /v1/verify answered, as people read it. Pure.

#include <boost/json.hpp>
#include <string>

namespace longshore::tools {

// What a run that has ended looked at and found, in one line.
std::string outcome_text(const boost::json::value& run);

// A line for each repository whose newest verification could not tell, whoever asked for it; not for those that the run
// itself lists as unknown.
std::string not_compared_text(const boost::json::value& run);

}  // namespace longshore::tools
