#include "api/registry_error.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "api/http_fields.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

constexpr std::size_t complaints_max = 8;
constexpr std::size_t text_max = 300;

// Somebody else's text in our messages: one line, bounded.
std::string tame(std::string_view text) {
  std::string out(text.substr(0, text_max));
  std::replace_if(out.begin(), out.end(), [](char c) { return static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f; }, ' ');
  // The upper ones, U+0080 to U+009F, command terminals likewise.
  for (std::size_t at = out.find('\xc2'); at != std::string::npos; at = out.find('\xc2', at + 1)) {
    if (at + 1 < out.size() && static_cast<std::uint8_t>(out[at + 1]) < 0xa0) out.replace(at, 2, " ");
  }
  return out;
}

std::string text_at(const json::object& in, std::string_view name) {
  const auto* v = in.if_contains(name);
  return v == nullptr || !v->is_string() ? std::string() : tame(std::string_view(v->get_string()));
}

// NOT_FOUND is Harbor's.
bool says_absent(const std::vector<registry_complaint>& all) {
  constexpr std::array<std::string_view, 4> codes{"MANIFEST_UNKNOWN", "NAME_UNKNOWN", "BLOB_UNKNOWN", "NOT_FOUND"};
  return std::any_of(all.begin(), all.end(), [&codes](const registry_complaint& c) {
    return std::find(codes.begin(), codes.end(), c.code) != codes.end();
  });
}

errc code_for(int status, const std::vector<registry_complaint>& all) {
  const auto complained = [&all](std::string_view code) {
    return std::any_of(all.begin(), all.end(), [code](const auto& c) { return c.code == code; });
  };
  if (status == 401) return errc::unauthorized;
  if (status == 403) return errc::denied;
  if (status == 405) return errc::unsupported;
  // A proxy's doing, mostly: nothing was said of what was asked for.
  if (status >= 300 && status < 400) return errc::unavailable;
  if (status == 408 || status == 425 || status == 499 || status >= 500) return errc::unavailable;
  if (status == 413) return errc::too_large;
  if (status == 429) return errc::throttled;
  // Distribution 2 answers 404 BLOB_UPLOAD_INVALID for a stale session: start the upload again.
  if (complained("BLOB_UPLOAD_UNKNOWN") || complained("BLOB_UPLOAD_INVALID")) return errc::unavailable;
  if (status == 404) return says_absent(all) ? errc::not_found : errc::unavailable;
  if (complained("UNSUPPORTED")) return errc::unsupported;
  return errc::rejected;
}

}  // namespace

std::vector<registry_complaint> complaints_of(std::string_view body) {
  std::vector<registry_complaint> out;
  boost::system::error_code ec;
  const auto parsed = json::parse(body, ec);
  if (ec || !parsed.is_object()) return out;
  const auto* errors = parsed.get_object().if_contains("errors");
  if (errors == nullptr || !errors->is_array()) return out;
  for (const auto& e : errors->get_array()) {
    if (out.size() == complaints_max) break;
    if (!e.is_object()) continue;
    registry_complaint c{text_at(e.get_object(), "code"), text_at(e.get_object(), "message")};
    if (!c.code.empty()) out.push_back(std::move(c));
  }
  return out;
}

std::string said_in(std::string_view body) {
  std::string out;
  for (const auto& c : complaints_of(body)) {
    if (!out.empty()) out += "; ";
    out += c.message.empty() ? c.code : c.code + ": " + c.message;
  }
  return out;
}

bool complains(std::string_view body, std::string_view code) {
  const auto all = complaints_of(body);
  return std::any_of(all.begin(), all.end(), [code](const auto& c) { return c.code == code; });
}

error registry_error(const http_response& answer, const std::string& doing, timestamp now) {
  const auto all = complaints_of(answer.body);
  const auto status = answer.head.status;
  error e{code_for(status, all), answer.head.from.authority() + ": " + doing + ": status " + std::to_string(status)};
  e.waited_us = answer.head.waited_us;
  if (const auto said = said_in(answer.body); !said.empty()) {
    e.text += " (" + said + ")";
  } else if (status == 404) {
    e.text += " without a registry's error body; is there a proxy in front, or is this not a registry?";
  }
  if (status == 500) e.text += "; the registry's own log says why (its disk may be full)";
  if (e.code == errc::throttled || e.code == errc::unavailable) {
    if (const auto value = answer.head.headers.find("Retry-After")) {
      e.retry_after_ms = retry_after_ms(*value, now).value_or(0);
    }
  }
  return e;
}

}  // namespace longshore::api
