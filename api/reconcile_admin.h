#pragma once

// Looking at the sources' registries, on demand, with an administrator's bearer token.
//
//   POST /v1/reconcile   {"source"?, "repositories"?: [...], "mode"?: "tags"|"digests"}
//                        202 {"runs":[{"source","run"}],"unmatched":[...],"not_in_log":[...]}; 409: no source has a
//                        registry to look at; 404: patterns alone, and the log knows nothing like them. Without a
//                        source: all of them; without repositories (at most 1,000 names and patterns): all of those.
//                        What runs already goes on; what is asked for meanwhile is one run after it. That a repository
//                        is gone is believed of a name, not of a pattern, and where there is one source or it is given.
//   GET  /v1/reconcile   {"sources":[...]}: what runs, how far it is, and how the last runs ended
//
// The reconcilers must outlive the server's sessions.

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <vector>

#include "api/bearer.h"
#include "api/blocking_pool.h"
#include "api/router.h"
#include "engine/desired.h"
#include "engine/reconciler.h"

namespace longshore::api {

struct reconcile_admin_world {
  const token_book& admins;
  std::vector<engine::reconciler*> sources;
  std::function<std::vector<engine::reconciler_status>()> status;
  const engine::desired& wanted;  // what the log knows
  blocking_pool& pool;
};

class reconcile_admin {
 public:
  explicit reconcile_admin(reconcile_admin_world world) : world_(std::move(world)) {}
  void mount(router& to);

 private:
  engine::task<answer> begin(request r);

  reconcile_admin_world world_;
};

// What a POST asks for; errc::invalid, with what is wrong, for anything else.
struct reconcile_question {
  std::string source;
  std::vector<std::string> repositories;  // names
  std::vector<std::string> patterns;      // engine/glob.h, over the names that the log knows
  engine::reconcile_mode mode = engine::reconcile_mode::tags;
};
result<reconcile_question> parse_reconcile_question(std::string_view body);

// What the names and patterns of a question are to the log.
struct known_names {
  std::vector<std::string> matched;     // by a pattern
  std::vector<std::string> unmatched;   // patterns that match nothing
  std::vector<std::string> not_in_log;  // names that it does not know: they are looked for at the source all the same
};
// Reads the view: for a thread that may block.
result<known_names> known_to(const engine::desired& wanted, const reconcile_question& q);

}  // namespace longshore::api
