#include "api/http_message.h"

#include <algorithm>

namespace longshore::api {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// No control character; with `spaces`, a space or tab may stand inside.
bool printable(std::string_view text, bool spaces) {
  return std::all_of(text.begin(), text.end(), [spaces](char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == ' ' || c == '\t') return spaces;
    return byte > 0x20 && byte != 0x7f;
  });
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

void http_headers::set(std::string_view name, std::string value) {
  remove(name);
  all_.push_back({std::string(name), std::move(value)});
}

void http_headers::remove(std::string_view name) {
  std::erase_if(all_, [name](const http_header& h) { return equal_ignoring_case(h.name, name); });
}

std::optional<std::string_view> http_headers::find(std::string_view name) const {
  for (const auto& h : all_) {
    if (equal_ignoring_case(h.name, name)) return h.value;
  }
  return std::nullopt;
}

std::vector<std::string> http_headers::values(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& h : all_) {
    if (equal_ignoring_case(h.name, name)) out.push_back(h.value);
  }
  return out;
}

std::string media_type_of(const http_headers& headers) {
  auto value = headers.find("Content-Type").value_or("");
  value = value.substr(0, value.find(';'));
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  return std::string(value);
}

std::string_view name_of(request_kind kind) {
  switch (kind) {
    case request_kind::manifest:
      return "manifest";
    case request_kind::blob:
      return "blob";
    case request_kind::upload:
      return "upload";
    case request_kind::list:
      return "list";
    case request_kind::token:
      return "token";
    case request_kind::peer:
      return "peer";
  }
  return "unknown";
}

result<std::string> request_head(const http_request& request, std::string_view user_agent,
                                 std::optional<std::uint64_t> content_length) {
  const auto target = request.to.target();
  if (request.method.empty() || !printable(request.method, false) || !printable(target, false)) {
    return fail(errc::invalid, "a request to " + request.to.authority() + " has a target that HTTP does not allow");
  }
  std::string out = request.method + " " + target + " HTTP/1.1\r\nHost: " + request.to.authority() + "\r\n";
  if (!user_agent.empty()) out.append("User-Agent: ").append(user_agent).append("\r\n");
  for (const auto& h : request.headers.all()) {
    if (h.name.empty() || !printable(h.name, false) || !printable(h.value, true)) {
      return fail(errc::invalid, "a request to " + request.to.authority() + " has a value for " +
                                     (printable(h.name, false) ? h.name : "a header") +
                                     " that HTTP does not allow (a control character)");
    }
    out.append(h.name).append(": ").append(h.value).append("\r\n");
  }
  if (content_length) out += "Content-Length: " + std::to_string(*content_length) + "\r\n";
  return out + "\r\n";
}

}  // namespace longshore::api
