#include "api/answer_head.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

namespace longshore::api {

namespace {

void append_number(std::string& to, std::uint64_t n) {
  std::array<char, 20> digits;
  const auto [end, bad] = std::to_chars(digits.data(), digits.data() + digits.size(), n);
  if (bad == std::errc()) to.append(digits.data(), static_cast<std::size_t>(end - digits.data()));
}

void append_line(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

// IMF-fixdate (RFC 9110 5.6.7), rendered once a second.
std::string_view http_date() {
  thread_local std::time_t at = -1;
  thread_local std::string text;
  const std::time_t now = std::time(nullptr);
  if (now != at) {
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    std::array<char, 64> buffer;
    text.assign(buffer.data(), std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc));
    at = now;
  }
  return text;
}

}  // namespace

void render_head(std::string& to, const answer& a, head_choices how) {
  to.assign("HTTP/1.1 ");
  append_number(to, static_cast<std::uint64_t>(a.status));
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(a.status));
  to.append(" ").append(reason.data(), reason.size()).append("\r\n");
  append_line(to, "Date", http_date());
  if (!a.content_type.empty()) append_line(to, "Content-Type", a.content_type);
  if (how.framing == body_framing::chunked) append_line(to, "Transfer-Encoding", "chunked");
  if (how.framing == body_framing::length) {
    to.append("Content-Length: ");
    append_number(to, (a.shared_body ? a.shared_body->size() : 0) + a.body.size());
    to.append("\r\n");
  }
  for (const auto& [name, value] : a.headers) {
    const auto breaks_out = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::ranges::none_of(value, breaks_out)) append_line(to, name, value);
  }
  if (!how.keep_alive) append_line(to, "Connection", "close");
  if (how.keep_alive && how.version == 10) append_line(to, "Connection", "keep-alive");
  to.append("\r\n");
}

}  // namespace longshore::api
