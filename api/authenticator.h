#pragma once

// Finds the Authorization header that a registry wants. Distribution docs/spec/auth/{token,oauth,jwt}.md;
// RFC 7617 (Basic), RFC 6750 (Bearer).
//
// authorization() gives the value to send at once, empty when nothing is known to be needed; answer(), after a
// 401, a new one. Whoever gets a second 401 asks refused() for the error to report. Tokens are kept per set of
// scopes and renewed when less than 10 seconds remain, counted from their receipt on the local clock. With a
// shared key, tokens are signed here and no token service is ever asked.
// Refused (denied): a token service over plain http for a registry over https; one at an address of this machine or
// link out of the registry's reach (local_reach) unless the options allow it. Redirects of a token service are not
// followed. One executor; the client and the clock must outlive it. Concurrent callers take turns at the token service,
// which is asked over the client's limit of connections if need be: a caller may hold the last one.

#include <boost/asio/experimental/channel.hpp>
#include <map>
#include <set>

#include "api/credential.h"
#include "api/http_client.h"
#include "api/http_fields.h"
#include "api/jwt.h"

namespace longshore::api {

struct authenticator_options {
  url registry;
  credential_source credentials;  // empty: anonymous
  std::optional<shared_key> shared;
  bool allow_local_realm = false;
};

class authenticator {
 public:
  authenticator(http_client& http, clock& now, authenticator_options options);

  // Tokens come from the shared key: a 401 to one is final.
  bool signs_itself() const { return options_.shared.has_value(); }
  // scopes: "repository:NAME:pull,push" and the like; repository: whose credentials, where they differ.
  task<std::string> authorization(std::vector<std::string> scopes, std::string repository);
  // `used` is what was sent and refused; the challenges are those of the 401.
  task<std::string> answer(std::vector<challenge> challenges, std::vector<std::string> scopes, std::string repository,
                           std::string used);
  // said: the registry's own words.
  error refused(const std::vector<challenge>& challenges, const std::vector<std::string>& scopes,
                const std::string& said) const;

 private:
  struct held_token {
    std::string value;
    timestamp renew_at;
  };
  struct bearer_service {
    url realm;
    std::string service;
  };
  using turn_channel = boost::asio::experimental::channel<void(boost::system::error_code)>;

  result<std::string> self_signed(const std::vector<std::string>& scopes);
  const std::string* cached(const std::string& key) const;
  void remember(const std::string& key, std::string value, std::int64_t seconds);
  result<bearer_service> validate(const challenge& c) const;
  local_reach reach() const { return reach_of(options_.registry.host, options_.allow_local_realm); }
  task<std::string> answer_in_turn(std::vector<challenge> challenges, std::vector<std::string> scopes,
                                   std::string repository, std::string used);
  task<std::string> fetch(std::vector<std::string> scopes, std::string repository, std::string key);
  task<std::string> basic(std::string repository, std::string key);
  task<std::string> token_from(http_response answer, std::string key);
  http_request token_request(const std::vector<std::string>& scopes, const std::optional<credential>& with) const;
  task<std::optional<credential>> credentials(std::string repository);

  http_client* http_;
  clock* clock_;
  authenticator_options options_;
  std::map<std::string, held_token> tokens_;  // by scopes and repository
  std::optional<bearer_service> bearer_;      // as learned from a challenge
  bool basic_wanted_ = false;
  turn_channel turn_;
};

}  // namespace longshore::api
