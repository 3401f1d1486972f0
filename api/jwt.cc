#include "api/jwt.h"

#include <openssl/rand.h>

#include <array>
#include <boost/json.hpp>

#include "api/base64.h"
#include "storage/digest.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

// The action this token grants for a scope; empty: none.
std::string_view granted(std::string_view type, std::string_view name) {
  if (type == "repository" && !name.empty()) return "pull";
  if (type == "registry" && name == "catalog") return "*";
  return {};
}

json::array access_of(const std::vector<std::string>& scopes) {
  json::array access;
  for (const auto& scope : scopes) {
    // The type ends at the first colon, the actions begin after the last: a name may hold one.
    const auto first = scope.find(':');
    const auto last = scope.rfind(':');
    if (first == std::string::npos || last <= first) continue;
    const auto type = scope.substr(0, first);
    const auto name = scope.substr(first + 1, last - first - 1);
    const auto action = granted(type, name);
    if (action.empty()) continue;
    access.push_back(json::object{{"type", type}, {"name", name}, {"actions", json::array{json::string(action)}}});
  }
  return access;
}

// RFC 9562 version 4.
result<std::string> random_uuid() {
  std::array<std::uint8_t, 16> b{};
  if (RAND_bytes(b.data(), static_cast<int>(b.size())) != 1) {
    return fail(errc::io_failed, "the system gives no random numbers");
  }
  b[6] = static_cast<std::uint8_t>((b[6] & 0x0f) | 0x40);
  b[8] = static_cast<std::uint8_t>((b[8] & 0x3f) | 0x80);
  auto hex = to_hex(b);
  for (const std::size_t at : {8u, 13u, 18u, 23u}) hex.insert(at, "-");
  return hex;
}

}  // namespace

result<std::string> pull_token(const shared_key& with, const std::vector<std::string>& scopes, timestamp now) {
  constexpr std::int64_t skew_s = 5;
  auto id = random_uuid();
  if (!id) return id;
  const auto issued = now.us / 1'000'000;
  const json::object header{
      {"typ", "JWT"}, {"alg", with.key->algorithm()}, {"kid", with.kid.empty() ? with.key->kid() : with.kid}};
  const json::object claims{{"iss", with.issuer},
                            {"aud", with.service},
                            {"jti", *id},
                            {"iat", issued},
                            {"nbf", issued - skew_s},
                            {"exp", issued + with.lifetime_s},
                            {"access", access_of(scopes)}};
  const auto signed_part = to_base64url(json::serialize(header)) + "." + to_base64url(json::serialize(claims));
  auto signature = with.key->sign(signed_part);
  if (!signature) return signature;
  return signed_part + "." + to_base64url(*signature);
}

}  // namespace longshore::api
