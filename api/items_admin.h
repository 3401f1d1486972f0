#pragma once

// The items that are not at the target, of all repositories, with an administrator's bearer token.
//
//   GET /v1/items?state=parked|failed|skipped&repository=PATTERN&limit=N&after=TOKEN
//       {"items":[{"repository","reference","state","code","reason","at","remedy"}],"next":TOKEN|null}, by repository,
//       its tags before its digests, at most 1,000 at once; without a state: all three. What is said of a repository as
//       a whole (a filter leaves it out, its pass or its verification failed) comes before its items, with an empty
//       reference. What was skipped, is gone at the source and was never brought is not listed. A repository is a name
//       or a pattern of engine/glob.h: 404 when the log knows none like it. 409 at a site that brings nothing to a
//       registry.
//
// Reads views on the pool. The world must outlive the server's sessions.

#include "api/admin.h"

namespace longshore::api {

class items_admin {
 public:
  explicit items_admin(const admin_world& world) : world_(world) {}
  void mount(router& to);

 private:
  engine::task<answer> items(request r) const;

  const admin_world& world_;
};

}  // namespace longshore::api
