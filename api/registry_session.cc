#include "api/registry_session.h"

#include "api/registry_error.h"

namespace longshore::api {
namespace {

constexpr int redirects_max = 5;
constexpr std::size_t refusal_bytes_max = 256 * 1024;

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Where an answer leads. One that leads nowhere is a fault of the registry or of a proxy, not of what was asked for.
result<url> followed(const http_head& answer, std::string_view location) {
  auto to = answer.from.resolve(location);
  if (!to) to.error().code = errc::unavailable;
  return to;
}

}  // namespace

result<void> registry_session::may_go(const url& to, bool from_secure) const {
  if (from_secure && !to.secure()) {
    return fail(errc::denied, registry_.authority() + " answered with an address without TLS, " + to.origin() +
                                  "; refused. If a proxy ends TLS before the registry, let it send "
                                  "X-Forwarded-Proto, or set the registry's http.relativeurls");
  }
  if (!may_reach(reach_for(to), to.host)) {
    return fail(errc::denied, registry_.authority() + " answered with the address " + to.origin() +
                                  ", which is this machine or link; refused, because the registry itself is not "
                                  "there (allow_local_redirects permits it)");
  }
  return {};
}

task<registry_session::opened> registry_session::authorized(http_request request, std::vector<std::string> scopes,
                                                            std::string repository) {
  auto value = co_await auth_->authorization(scopes, repository);
  for (int attempt = 0;; ++attempt) {
    if (!value) co_return pass(std::move(value));
    if (!value->empty()) request.headers.set("Authorization", *value);
    auto answer = co_await http_->open(request);
    if (!answer) co_return pass(std::move(answer));
    if ((*answer)->head().status != 401) co_return opened{std::move(*answer), std::move(*value)};
    auto whole = co_await (*answer)->read_all(refusal_bytes_max);
    if (!whole) co_return pass(std::move(whole));
    auto challenges = parse_challenges(whole->head.headers.values("WWW-Authenticate"));
    if (attempt > 0 || auth_->signs_itself()) {
      co_return std::unexpected(auth_->refused(challenges, scopes, said_in(whole->body)));
    }
    const auto used = *value;
    value = co_await auth_->answer(std::move(challenges), scopes, repository, used);
  }
}

// Nothing waits for another connection while an answer holds one: it may be the only one there is.
task<std::unique_ptr<http_stream>> registry_session::redirected(opened first, http_request request) {
  auto answer = std::move(first.answer);
  const std::string authorization = std::move(first.authorization);
  for (int hops = 0; is_redirect(answer->head().status); ++hops) {
    const auto& head = answer->head();
    const auto location = head.headers.find("Location");
    if (!location) break;
    if (hops == redirects_max) {
      co_return fail(errc::unavailable, registry_.authority() + " redirected more than five times");
    }
    auto to = followed(head, *location);
    if (!to) co_return pass(std::move(to));
    if (auto allowed = may_go(*to, head.from.secure()); !allowed) co_return pass(std::move(allowed));
    request.to = std::move(*to);
    request.reach = reach_for(request.to);
    request.headers.remove("Authorization");
    if (request.to.same_origin(registry_) && !authorization.empty()) {
      request.headers.set("Authorization", authorization);
    }
    // Read to its end it leaves the connection to the next; a failure to read it only costs that connection.
    static_cast<void>(co_await answer->read_all(refusal_bytes_max));
    answer.reset();
    auto next = co_await http_->open(request);
    if (!next) co_return pass(std::move(next), "following a redirect of " + registry_.authority());
    answer = std::move(*next);
  }
  co_return answer;
}

task<std::unique_ptr<http_stream>> registry_session::open(registry_ask ask) {
  http_request request;
  request.method = std::move(ask.method);
  request.to = registry_;
  request.to.path = std::move(ask.path);
  request.to.query = std::move(ask.query);
  request.headers = std::move(ask.headers);
  request.body = std::move(ask.body);
  request.kind = ask.kind;
  request.lane = ask.lane;
  request.resumed = ask.resumed;
  auto first = co_await authorized(request, std::move(ask.scopes), std::move(ask.repository));
  if (!first) co_return pass(std::move(first));
  const bool follows = request.method == "GET" || request.method == "HEAD";
  if (!follows || !is_redirect(first->answer->head().status)) co_return std::move(first->answer);
  co_return co_await redirected(std::move(*first), std::move(request));
}

task<http_response> registry_session::send(registry_ask ask, std::size_t bytes_max) {
  auto answer = co_await open(std::move(ask));
  if (!answer) co_return pass(std::move(answer));
  co_return co_await (*answer)->read_all(bytes_max);
}

result<url> registry_session::upload_location(const http_head& answer) const {
  const auto location = answer.headers.find("Location");
  if (!location) {
    return fail(errc::unavailable, registry_.authority() +
                                       " began an upload without saying where it goes on "
                                       "(no Location header)");
  }
  auto to = followed(answer, *location);
  if (!to) return to;
  if (auto allowed = may_go(*to, registry_.secure()); !allowed) return pass(std::move(allowed));
  return to;
}

result<url> registry_session::upload_location(const std::string& kept) const {
  auto to = url::parse(kept);
  if (!to) return to;
  if (auto allowed = may_go(*to, registry_.secure()); !allowed) return pass(std::move(allowed));
  return to;
}

void upload_place::keep_cookies(const http_head& answer) {
  std::string told;
  for (const auto& line : answer.headers.values("Set-Cookie")) {
    told += (told.empty() ? "" : "; ") + line.substr(0, line.find(';'));
  }
  if (!told.empty()) cookies = std::move(told);
}

task<started_upload> registry_session::upload(std::string method, upload_place place, http_headers headers,
                                              std::uint64_t length, bool resumed) {
  http_request request;
  request.method = std::move(method);
  request.to = std::move(place.location);
  request.headers = std::move(headers);
  request.kind = request_kind::upload;
  request.lane = traffic::stream;
  request.resumed = resumed;
  std::string authorization;
  if (request.to.same_origin(registry_)) {
    auto value = co_await auth_->authorization(std::move(place.scopes), std::move(place.repository));
    if (!value) co_return pass(std::move(value));
    authorization = std::move(*value);
    if (!authorization.empty()) request.headers.set("Authorization", authorization);
    if (!place.cookies.empty()) request.headers.set("Cookie", std::move(place.cookies));
  } else {
    request.reach = reach_;
  }
  auto body = co_await http_->upload(std::move(request), length);
  if (!body) co_return pass(std::move(body));
  co_return started_upload{std::move(*body), std::move(authorization)};
}

task<http_response> registry_session::at_upload(std::string method, upload_place place) {
  http_request request;
  request.method = std::move(method);
  request.to = std::move(place.location);
  request.kind = request_kind::upload;
  if (!request.to.same_origin(registry_)) {
    request.reach = reach_;
    co_return co_await http_->send(std::move(request), refusal_bytes_max);
  }
  if (!place.cookies.empty()) request.headers.set("Cookie", std::move(place.cookies));
  auto opened = co_await authorized(std::move(request), std::move(place.scopes), std::move(place.repository));
  if (!opened) co_return pass(std::move(opened));
  co_return co_await opened->answer->read_all(refusal_bytes_max);
}

task<> registry_session::renew(http_response refused, upload_place place, std::string used) {
  auto challenges = parse_challenges(refused.head.headers.values("WWW-Authenticate"));
  const bool ours = refused.head.from.same_origin(registry_);
  if (!ours || auth_->signs_itself() || (!used.empty() && used == renewed_)) {
    co_return std::unexpected(auth_->refused(challenges, place.scopes, said_in(refused.body)));
  }
  auto value = co_await auth_->answer(std::move(challenges), std::move(place.scopes), std::move(place.repository),
                                      std::move(used));
  if (!value) co_return pass(std::move(value));
  renewed_ = std::move(*value);
  co_return result<>();
}

bool registry_session::lost_session(const http_response& answer) const {
  return complains(answer.body, "BLOB_UPLOAD_UNKNOWN") || complains(answer.body, "BLOB_UPLOAD_INVALID");
}

error registry_session::refusal(const http_response& answer, const std::string& doing,
                                const std::vector<std::string>& scopes, timestamp now) const {
  if (answer.head.status != 401) return registry_error(answer, doing, now);
  return auth_->refused(parse_challenges(answer.head.headers.values("WWW-Authenticate")), scopes, said_in(answer.body));
}

}  // namespace longshore::api
