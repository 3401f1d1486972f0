#pragma once

// Verification on demand, with an administrator's bearer token.
//
//   POST /v1/verify {"repositories":[name or glob],"deep":false,"repair":true}   202 {"run":N,...}; an empty body: all
//                                    409: this site has no target registry; 404: none has such a name; 503: one runs
//   GET  /v1/verify[?wait=SECONDS]   the last run: as it goes, or its result; answered when it has ended, or after so
//                                    long (at most 30 s). "scheduled": what the schedule found since the start;
//                                    "not_compared": what the newest verification of each repository could not tell
//
// On the server's executor, which is the verification's. The world must outlive the server's sessions.

#include <string_view>

#include "api/bearer.h"
#include "api/router.h"
#include "engine/verification.h"

namespace longshore::api {

struct verify_world {
  engine::verification* does;  // null: this site has no target registry
  const token_book& admins;
  const clock& now;
};

class verify_admin {
 public:
  explicit verify_admin(verify_world world) : world_(world) {}
  void mount(router& to);

 private:
  using answering = boost::asio::awaitable<result<answer>>;
  void add(router& to, std::string method, answering (verify_admin::*answer_it)(const request&));
  answering begin(const request& r);
  answering show(const request& r);

  verify_world world_;
};

// The body of a request to verify; errc::invalid says which field is wrong. Total.
result<engine::verify_request> parse_verify_request(std::string_view body);

}  // namespace longshore::api
