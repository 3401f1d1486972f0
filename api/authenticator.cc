#include "api/authenticator.h"

#include <algorithm>
#include <boost/asio.hpp>
#include <boost/json.hpp>

#include "api/base64.h"
#include "api/registry_error.h"

namespace longshore::api {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::int64_t renew_before_s = 10;
constexpr std::int64_t expires_in_min_s = 60;  // the specification's default and minimum
constexpr std::int64_t static_credential_s = 3'600;
constexpr std::size_t tokens_max = 4'096;
constexpr std::size_t answer_bytes_max = 256 * 1024;

std::string key_of(std::vector<std::string> scopes, const std::string& repository) {
  std::sort(scopes.begin(), scopes.end());
  std::string key = repository;
  for (const auto& s : scopes) key.append("\n").append(s);
  return key;
}

const challenge* find(const std::vector<challenge>& all, std::string_view scheme) {
  const auto it = std::find_if(all.begin(), all.end(), [scheme](const auto& c) { return c.scheme == scheme; });
  return it == all.end() ? nullptr : &*it;
}

bool sendable(const std::string& token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string basic_value(const credential& c) { return "Basic " + to_base64(c.username + ":" + c.password); }

std::string quoted_said(const std::string& said) { return said.empty() ? "" : " (it says: " + said + ")"; }

}  // namespace

authenticator::authenticator(http_client& http, clock& now, authenticator_options options)
    : http_(&http), clock_(&now), options_(std::move(options)), turn_(http.executor(), 1) {}

const std::string* authenticator::cached(const std::string& key) const {
  const auto it = tokens_.find(key);
  return it == tokens_.end() || it->second.renew_at <= clock_->now() ? nullptr : &it->second.value;
}

void authenticator::remember(const std::string& key, std::string value, std::int64_t seconds) {
  const auto now = clock_->now();
  if (tokens_.size() >= tokens_max) std::erase_if(tokens_, [now](const auto& t) { return t.second.renew_at <= now; });
  if (tokens_.size() >= tokens_max) tokens_.clear();
  tokens_[key] = {std::move(value), {now.us + (seconds - renew_before_s) * 1'000'000}};
}

result<std::string> authenticator::self_signed(const std::vector<std::string>& scopes) {
  const auto key = key_of(scopes, "");
  if (const auto* value = cached(key)) return *value;
  auto token = pull_token(*options_.shared, scopes, clock_->now());
  if (!token) return token;
  auto value = "Bearer " + *token;
  remember(key, value, options_.shared->lifetime_s);
  return value;
}

task<std::string> authenticator::authorization(std::vector<std::string> scopes, std::string repository) {
  if (options_.shared) co_return self_signed(scopes);
  const auto key = key_of(scopes, repository);
  if (const auto* value = cached(key)) co_return *value;
  if (!bearer_ && !basic_wanted_) co_return std::string();
  auto [ec] = co_await turn_.async_send(boost::system::error_code(), asio::as_tuple(asio::use_awaitable));
  if (ec) co_return fail(errc::stopped, "waiting for a token was given up");
  struct turn_end {
    turn_channel& turn;
    ~turn_end() {
      turn.try_receive([](auto...) {});
    }
  } ends{turn_};
  if (const auto* value = cached(key)) co_return *value;
  if (bearer_) co_return co_await fetch(std::move(scopes), std::move(repository), key);
  co_return co_await basic(std::move(repository), key);
}

task<std::string> authenticator::answer(std::vector<challenge> challenges, std::vector<std::string> scopes,
                                        std::string repository, std::string used) {
  if (options_.shared) co_return std::unexpected(refused(challenges, scopes, ""));
  auto [ec] = co_await turn_.async_send(boost::system::error_code(), asio::as_tuple(asio::use_awaitable));
  if (ec) co_return fail(errc::stopped, "waiting for a token was given up");
  struct turn_end {
    turn_channel& turn;
    ~turn_end() {
      turn.try_receive([](auto...) {});
    }
  } ends{turn_};
  co_return co_await answer_in_turn(std::move(challenges), std::move(scopes), std::move(repository), std::move(used));
}

task<std::string> authenticator::answer_in_turn(std::vector<challenge> challenges, std::vector<std::string> scopes,
                                                std::string repository, std::string used) {
  const auto key = key_of(scopes, repository);
  // Somebody else may have got a new one meanwhile.
  if (const auto* value = cached(key); value != nullptr && *value != used) co_return *value;
  tokens_.erase(key);
  if (const auto* c = find(challenges, "bearer")) {
    auto service = validate(*c);
    if (!service) co_return pass(std::move(service));
    bearer_ = std::move(*service);
    basic_wanted_ = false;
    // The registry's own idea of the scope goes first: some services honour only one.
    if (const std::string wanted(c->parameter("scope")); !wanted.empty()) {
      std::erase(scopes, wanted);
      scopes.insert(scopes.begin(), wanted);
    }
    co_return co_await fetch(std::move(scopes), std::move(repository), key);
  }
  if (find(challenges, "basic") != nullptr) {
    basic_wanted_ = true;
    bearer_.reset();
    auto value = co_await basic(std::move(repository), key);
    if (value && !used.empty() && *value == used) {
      tokens_.erase(key);
      co_return std::unexpected(refused(challenges, scopes, ""));
    }
    co_return value;
  }
  co_return fail(errc::unauthorized, options_.registry.authority() +
                                         " wants credentials in a way that is not supported (neither Basic nor "
                                         "Bearer)");
}

result<authenticator::bearer_service> authenticator::validate(const challenge& c) const {
  auto realm = url::parse(c.parameter("realm"));
  if (!realm) {
    return fail(errc::unauthorized, options_.registry.authority() + " names a token service: " + realm.error().text +
                                        "; correct the registry's auth.token.realm");
  }
  bearer_service out{std::move(*realm), std::string(c.parameter("service"))};
  if (options_.registry.secure() && !out.realm.secure()) {
    return fail(errc::denied, options_.registry.authority() + " names a token service without TLS, " +
                                  out.realm.shown() +
                                  "; no credentials are sent there: the registry's "
                                  "auth.token.realm must be an https URL");
  }
  if (!may_reach(reach(), out.realm.host)) {
    return fail(errc::denied, options_.registry.authority() + " names a token service at " + out.realm.host +
                                  ", which is this machine or link; refused: correct the registry's auth.token.realm");
  }
  return out;
}

task<std::optional<credential>> authenticator::credentials(std::string repository) {
  if (!options_.credentials) co_return std::optional<credential>();
  co_return co_await options_.credentials(options_.registry.authority(), std::move(repository));
}

task<std::string> authenticator::basic(std::string repository, std::string key) {
  auto c = co_await credentials(std::move(repository));
  if (!c) co_return pass(std::move(c));
  if (*c && !(*c)->registry_token.empty()) {
    auto value = "Bearer " + (*c)->registry_token;
    remember(key, value, static_credential_s);
    co_return value;
  }
  if (!*c || (*c)->username.empty()) {
    co_return fail(errc::unauthorized,
                   options_.registry.authority() + " wants a user name and password, and none are configured for it");
  }
  auto value = basic_value(**c);
  remember(key, value, static_credential_s);
  co_return value;
}

http_request authenticator::token_request(const std::vector<std::string>& scopes,
                                          const std::optional<credential>& with) const {
  http_request r;
  r.kind = request_kind::token;
  r.resumed = true;  // whoever needs the token may hold the only connection there is; one is asked for at a time
  r.to = bearer_->realm;
  if (!r.to.same_origin(options_.registry)) r.reach = reach();
  r.headers.add("Accept", "application/json");
  if (with && !with->identity_token.empty()) {
    std::string scope;
    for (const auto& s : scopes) scope += (scope.empty() ? "" : " ") + s;
    r.method = "POST";
    r.headers.add("Content-Type", "application/x-www-form-urlencoded");
    r.body = "grant_type=refresh_token&client_id=longshore&service=" + escape(bearer_->service) +
             "&scope=" + escape(scope) + "&refresh_token=" + escape(with->identity_token);
    return r;
  }
  if (!bearer_->service.empty()) r.to.add_query("service", bearer_->service);
  for (const auto& s : scopes) r.to.add_query("scope", s);
  r.to.add_query("client_id", "longshore");
  if (with && !with->username.empty()) {
    r.to.add_query("account", with->username);
    r.headers.add("Authorization", basic_value(*with));
  }
  return r;
}

task<std::string> authenticator::fetch(std::vector<std::string> scopes, std::string repository, std::string key) {
  auto with = co_await credentials(std::move(repository));
  if (!with) co_return pass(std::move(with));
  if (*with && !(*with)->registry_token.empty()) {
    if (!sendable((*with)->registry_token)) {
      co_return fail(errc::unauthorized, "the configured token for " + options_.registry.authority() +
                                             " holds characters that no token has");
    }
    auto value = "Bearer " + (*with)->registry_token;
    remember(key, value, static_credential_s);
    co_return value;
  }
  auto request = token_request(scopes, *with);
  const auto shown = request.to.shown();
  auto answer = co_await http_->send(std::move(request), answer_bytes_max);
  if (!answer && answer.error().code == errc::too_large) answer.error().code = errc::unavailable;
  if (!answer) co_return pass(std::move(answer), "asking the token service of " + options_.registry.authority());
  if (answer->head.status == 401 || answer->head.status == 403 || answer->head.status == 400) {
    co_return fail(errc::unauthorized, "the token service " + shown + " refused the credentials for " +
                                           options_.registry.authority() + " (status " +
                                           std::to_string(answer->head.status) +
                                           "); check user name and password, or log in again");
  }
  if (answer->head.status != 200)
    co_return std::unexpected(registry_error(*answer, "asking for a token", clock_->now()));
  co_return co_await token_from(std::move(*answer), std::move(key));
}

task<std::string> authenticator::token_from(http_response answer, std::string key) {
  boost::system::error_code ec;
  const auto parsed = json::parse(answer.body, ec);
  const auto* object = ec ? nullptr : parsed.if_object();
  std::string token;
  std::int64_t seconds = expires_in_min_s;
  if (object != nullptr) {
    for (const char* name : {"token", "access_token"}) {
      if (const auto* v = object->if_contains(name); token.empty() && v != nullptr && v->is_string()) {
        token = std::string(v->get_string());
      }
    }
    if (const auto* v = object->if_contains("expires_in"); v != nullptr && v->is_number()) {
      const auto told = v->to_number<std::int64_t>(ec);
      if (!ec) seconds = std::clamp<std::int64_t>(told, expires_in_min_s, 86'400);
    }
  }
  if (!sendable(token)) {
    co_return fail(errc::unavailable, "the token service " + answer.head.from.shown() + " answered without a token");
  }
  auto value = "Bearer " + token;
  remember(key, value, seconds);
  co_return value;
}

error authenticator::refused(const std::vector<challenge>& challenges, const std::vector<std::string>& scopes,
                             const std::string& said) const {
  const auto& where = options_.registry.authority();
  const auto* bearer = find(challenges, "bearer");
  std::string wanted;
  for (const auto& s : scopes) wanted += (wanted.empty() ? "" : " ") + s;
  if (options_.shared) {
    const auto& shared = *options_.shared;
    if (bearer == nullptr) {
      return {errc::unauthorized, where +
                                      " does not take tokens of the shared key: it does not ask for a Bearer "
                                      "token; configure the registry with auth: token, or give a user name and "
                                      "password instead of the key" +
                                      quoted_said(said)};
    }
    if (bearer->parameter("error") == "insufficient_scope") {
      return {errc::denied, where + " trusts the shared key, but not for " + wanted +
                                ": tokens signed with it allow pulling only" + quoted_said(said)};
    }
    std::string also;
    if (const auto service = bearer->parameter("service"); service != shared.service) {
      also = " The registry's auth.token.service is \"" + std::string(service) + "\" and the configured one is \"" +
             shared.service + "\": they must be equal.";
    }
    return {errc::unauthorized,
            where +
                ": token from untrusted issuer: the registry's auth.token.issuer must equal the configured "
                "issuer \"" +
                shared.issuer +
                "\", and its auth.token.rootcertbundle must hold the certificate "
                "of key " +
                (shared.kid.empty() ? shared.key->kid() : shared.kid) + "." + also +
                " Check too that the clocks of both machines agree within a minute" + quoted_said(said)};
  }
  if (!options_.credentials) {
    return {errc::unauthorized, where + " refuses anonymous access" + (wanted.empty() ? "" : " for " + wanted) +
                                    "; configure credentials for it" + quoted_said(said)};
  }
  return {errc::unauthorized, where + " refuses the configured credentials" + (wanted.empty() ? "" : " for " + wanted) +
                                  "; check that they are current and allow this" + quoted_said(said)};
}

}  // namespace longshore::api
