#pragma once

// State and actions for operators, with an administrator's bearer token.
//
//   GET  /v1/status                         this site in one object; "verdict": how it is (site_verdict.h)
//   GET  /v1/sites                          this site and those that follow it
//   GET  /v1/repositories[?state=&limit=&last=]   in name order; "next": the last to go on from, null at the end
//   GET  /v1/repositories/{name}            one, with its failed, parked and skipped items (at most 1,000)
//                                            checksum: of its tags as the log has them (engine/checksum.h)
//   POST /v1/repositories/{name}/sync       202: brought over again from scratch; 409: this site has no target
//        ?allow_deletes=true              202: no such thing, but deletions that were held back go on
//   GET  /v1/quarantine[?from=&limit=]      what could not be understood, oldest first; bodies cut at 4 KiB
//
// Views are read on the pool, never on the server's executor. The world must outlive the server's sessions.

#include <functional>
#include <string>

#include "api/bearer.h"
#include "api/blocking_pool.h"
#include "api/http_server.h"
#include "api/ingest.h"
#include "api/repository_counts.h"
#include "api/router.h"
#include "api/site_facts.h"
#include "api/sites.h"
#include "engine/operator_actions.h"
#include "engine/repository_state.h"

namespace longshore::api {

struct admin_world {
  const engine::desired& wanted;
  const engine::actual& done;
  const log::event_log& log;
  const log::event_log& journal;
  const log::quarantine& aside;
  const sites& followers;
  blocking_pool& pool;
  const clock& now;
  const token_book& admins;
  const ingest* incoming = nullptr;  // none: this site takes no notifications
  std::function<site_facts()> facts;
  std::function<const server_counters*()> server;                      // null, or answering null: not shown
  std::function<engine::task<>(std::string)> resync;                   // null: this site has no target registry
  std::function<engine::task<>(std::string)> allow_deletes = nullptr;  // likewise
  // What operators ask for by pattern (actions_admin.h); null: likewise.
  std::function<engine::task<std::uint64_t>(engine::operator_request)> act = nullptr;
  repository_filter left_out = nullptr;
};

class admin {
 public:
  explicit admin(admin_world world) : world_(std::move(world)) {}
  void mount(router& to);

 private:
  using answering = boost::asio::awaitable<result<answer>>;
  void add(router& to, std::string method, std::string pattern, answering (admin::*answer_it)(const request&));

  answering status(const request& r);
  answering all_sites(const request& r);
  answering repositories(const request& r);
  answering repository(const request& r);
  answering sync(const request& r);
  answering quarantine(const request& r);

  admin_world world_;
};

}  // namespace longshore::api
