#pragma once

// What a site knows of gaps, as JSON: how far it is behind, how its sources fare, and what looking at them found.

#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "api/admin.h"
#include "engine/reconciler.h"
#include "engine/replication_lag.h"

namespace longshore::api {

// Read on the pool.
boost::asio::awaitable<result<engine::replication_lag>> replication_lag(const admin_world& world,
                                                                        engine::follower_status following);
// events is null while nobody can know them.
boost::json::object json_of(const engine::replication_lag& lag, const engine::follower_status& following);

boost::json::object json_of(const engine::reconcile_record& r);
boost::json::object json_of(const engine::run_progress& p);
boost::json::object json_of(const engine::reconciler_status& s);

// A source's health: what its notifications and the looks at its registry tell together.
void add_health(boost::json::object& to, const source_stats& heard, const std::vector<engine::reconciler_status>& all,
                timestamp now);

// What an operator should hear of the last look at a source's registry where not all was looked at; empty: nothing.
std::string warning_of(const engine::reconciler_status& s);

}  // namespace longshore::api
