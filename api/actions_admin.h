#pragma once

// What operators ask of many repositories at once, with an administrator's token:
//
//   POST /v1/actions   {"action":"resync|skip|unpark|retry","repositories":["team/*"],"tags":["v1*"],"reason":"..."}
//
// Repositories are names or globs, tags are rules (engine/tag_rule.h), for skip and unpark; skip has a reason. 202 when
// the asking is durable: {"action","repositories":N,"items":N,"unmatched":[...]}, where items counts what it is about
// (for resync and retry: repositories) and unmatched names the patterns that no repository of the log matches. 404 when
// none of them matches anything; 409 on a site without a target registry. The world must outlive the server's sessions.

#include "api/admin.h"

namespace longshore::api {

class actions_admin {
 public:
  explicit actions_admin(const admin_world& world) : world_(&world) {}
  void mount(router& to);

 private:
  boost::asio::awaitable<result<answer>> act(const request& r);
  const admin_world* world_;
};

}  // namespace longshore::api
