#pragma once

// Looking at the sources' registries, on demand, with an administrator's bearer token.
//
//   POST /v1/reconcile   {"source"?, "repositories"?: [...], "mode"?: "tags"|"digests"}
//                        202 {"runs":[{"source","run"}]}; 409: no source has a registry to look at. Without a source:
//                        all of them; without repositories (at most 1,000): all of those. What runs already goes on;
//                        what is asked for meanwhile is one run after it.
//   GET  /v1/reconcile   {"sources":[...]}: what runs, how far it is, and how the last runs ended
//
// The reconcilers must outlive the server's sessions.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <vector>

#include "api/bearer.h"
#include "api/router.h"
#include "engine/reconciler.h"

namespace longshore::api {

struct reconcile_admin_world {
  const token_book& admins;
  std::vector<engine::reconciler*> sources;
  std::function<std::vector<engine::reconciler_status>()> status;
};

class reconcile_admin {
 public:
  explicit reconcile_admin(reconcile_admin_world world) : world_(std::move(world)) {}
  void mount(router& to);

 private:
  result<answer> begin(const request& r);

  reconcile_admin_world world_;
};

// What a POST asks for; errc::invalid, with what is wrong, for anything else.
struct reconcile_question {
  std::string source;
  std::vector<std::string> repositories;
  engine::reconcile_mode mode = engine::reconcile_mode::tags;
};
result<reconcile_question> parse_reconcile_question(std::string_view body);

}  // namespace longshore::api
