#include "api/bearer.h"

#include <openssl/crypto.h>

#include <boost/beast/core/string.hpp>

#include "storage/env/ensure.h"

namespace longshore::api {

namespace {

std::string_view token_in(std::string_view authorization) {
  constexpr std::string_view scheme = "bearer ";
  if (authorization.size() > scheme.size() &&
      boost::beast::iequals({authorization.data(), scheme.size()}, {scheme.data(), scheme.size()})) {
    authorization.remove_prefix(scheme.size());
  }
  while (authorization.starts_with(' ')) authorization.remove_prefix(1);
  while (authorization.ends_with(' ')) authorization.remove_suffix(1);
  return authorization;
}

}  // namespace

void token_book::add(std::string name, std::string_view token) {
  ensure(!token_in(token).empty(), "a token is not empty");
  entries_.push_back({std::move(name), sha256(token_in(token))});
}

std::optional<std::size_t> token_book::find(std::string_view authorization) const {
  const std::string_view token = token_in(authorization);
  const hash256 given = sha256(token);
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const bool same = CRYPTO_memcmp(given.data(), entries_[i].token.data(), given.size()) == 0;
    if (same && !token.empty()) found = i;
  }
  return found;
}

std::optional<std::size_t> token_book::named(std::string_view name) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].name == name) return i;
  }
  return std::nullopt;
}

answer unauthorized(std::string_view whose) {
  answer a = refusal(401, "UNAUTHORIZED",
                     "the Authorization header does not hold " + std::string(whose) +
                         "; send it as 'Authorization: Bearer TOKEN' (or the bare token), as configured at this site");
  a.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"longshore\"");
  return a;
}

}  // namespace longshore::api
