#pragma once

// Requests to one registry: with the credentials it wants, and following its redirects where that is safe.
//
// Statuses other than 401 are answers; of a 401 the authenticator's verdict is the failure: credentials are tried
// once anew, a second 401 is final (unauthorized). GET and HEAD follow at most five redirects. The Authorization
// header goes to the registry's own origin only. unavailable: more redirects, and an address that cannot be followed.
// Refused (denied): a step from https to http, and a redirect or upload address of this machine or link out of the
// registry's reach (local_reach), unless the options allow it.
// One executor; must outlive nothing it returned, but the authenticator and the client must outlive it.

#include <memory>

#include "api/authenticator.h"

namespace longshore::api {

struct registry_ask {
  std::string method = "GET";
  std::string path;   // "/v2/...", escaped
  std::string query;  // with its '?'
  http_headers headers;
  std::string body;
  request_kind kind = request_kind::manifest;
  traffic lane = traffic::small;
  bool resumed = false;  // see http_request
  std::vector<std::string> scopes;
  std::string repository;
};

// Where an upload session goes on.
struct upload_place {
  url location;         // without the digest
  std::string cookies;  // given back to the registry's origin: they keep to one of several servers
  std::vector<std::string> scopes;
  std::string repository;
  std::uint64_t chunk_min = 0;  // as the registry asked for: all chunks but the last
  // Takes those of the answer instead, when it has any.
  void keep_cookies(const http_head& answer);
};

// A request whose body is being sent, and the credentials it went with.
struct started_upload {
  std::unique_ptr<http_upload> body;
  std::string authorization;
};

class registry_session {
 public:
  registry_session(http_client& http, authenticator& auth, url registry, bool allow_local)
      : http_(&http), auth_(&auth), registry_(std::move(registry)), reach_(reach_of(registry_.host, allow_local)) {}

  task<std::unique_ptr<http_stream>> open(registry_ask ask);
  task<http_response> send(registry_ask ask, std::size_t bytes_max);

  // Where an upload goes on, from an answer's Location. denied as above; unavailable when there is none that
  // can be used.
  result<url> upload_location(const http_head& answer) const;
  // The same for an address that was kept.
  result<url> upload_location(const std::string& kept) const;
  // A request with a streamed body to such a place. resumed: see http_request.
  task<started_upload> upload(std::string method, upload_place place, http_headers headers, std::uint64_t length,
                              bool resumed);
  // One without a body: its status, or its end.
  task<http_response> at_upload(std::string method, upload_place place);
  // After a 401 to a streamed body sent with `used`: done when there are fresh credentials for another try, else why
  // not. What was got by this and refused before it was ever accepted() is final.
  task<> renew(http_response refused, upload_place place, std::string used);
  void accepted(const std::string& authorization) {
    if (authorization == renewed_) renewed_.clear();
  }
  // The answer says that the session is not, or no longer, known.
  bool lost_session(const http_response& answer) const;
  // The failure that a refusing answer is, a 401 included.
  error refusal(const http_response& answer, const std::string& doing, const std::vector<std::string>& scopes,
                timestamp now) const;

  const url& registry() const { return registry_; }

 private:
  // An answer, and the credentials that it was given to.
  struct opened {
    std::unique_ptr<http_stream> answer;
    std::string authorization;
  };
  task<opened> authorized(http_request request, std::vector<std::string> scopes, std::string repository);
  task<std::unique_ptr<http_stream>> redirected(opened first, http_request request);
  result<void> may_go(const url& to, bool from_secure) const;
  // Its own origin it was configured with.
  local_reach reach_for(const url& to) const { return to.same_origin(registry_) ? local_reach::all : reach_; }

  http_client* http_;
  authenticator* auth_;
  url registry_;
  local_reach reach_;
  std::string renewed_;  // by renew(), last
};

}  // namespace longshore::api
