#pragma once

// What administrators are shown, as JSON. Pure. Times are RFC 3339, null where there is none.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "api/http_session.h"
#include "api/ingest.h"
#include "api/repository_counts.h"
#include "api/site_facts.h"
#include "api/site_verdict.h"
#include "api/sites.h"

namespace longshore::api {

boost::json::value json_of(timestamp t);
boost::json::object json_of(const engine::repository_state& r);
// What a site that replicates nothing knows of it.
boost::json::object json_of_logged(const engine::repository_state& r);
boost::json::object json_of(const engine::actual_item& item);
boost::json::object json_of(const engine::follower_status& f, timestamp now);
boost::json::object json_of(const engine::replicator_status& r, timestamp now);
boost::json::object json_of(const repository_counts& counts);
// halted: why nothing is verified by itself any more.
boost::json::object json_of(const verifying_facts& v, const std::string& halted);
boost::json::object json_of(const site_verdict& v);
boost::json::object json_of(const source_stats& s);
// Of all sources, and of none.
boost::json::object json_of(const ingest_stats& s);
boost::json::object json_of(const server_counters& c);
boost::json::object json_of(const site_report& s, std::uint64_t log_size, timestamp now);
// Each configured follower, and what came with a wrong token in its name.
boost::json::array json_of_configured(const sites& all);
boost::json::object json_of(const log::quarantined& q, std::size_t body_bytes_max);

}  // namespace longshore::api
