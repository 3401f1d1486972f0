#include "api/answer.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/request.h"

namespace longshore::api {

namespace {

struct meaning {
  int status;
  std::string_view code;
};

meaning meaning_of(errc code) {
  switch (code) {
    case errc::invalid:
      return {400, "INVALID"};
    case errc::not_found:
      return {404, "NOT_FOUND"};
    case errc::unauthorized:
      return {401, "UNAUTHORIZED"};
    case errc::denied:
      return {403, "DENIED"};
    case errc::conflict:
      return {409, "CONFLICT"};
    case errc::too_large:
      return {413, "TOO_LARGE"};
    case errc::throttled:
      return {429, "TOOMANYREQUESTS"};
    case errc::unsupported:
      return {501, "UNSUPPORTED"};
    case errc::rejected:
      return {502, "REJECTED"};
    case errc::timed_out:
      return {504, "TIMED_OUT"};
    case errc::no_space:
      return {507, "NO_SPACE"};
    case errc::busy:
    case errc::unavailable:
    case errc::unknown_outcome:
    case errc::stopped:
      return {503, "UNAVAILABLE"};
    case errc::corrupt:
    case errc::io_failed:
      return {500, "UNKNOWN"};
  }
  return {500, "UNKNOWN"};
}

boost::json::string_view view(std::string_view s) { return {s.data(), s.size()}; }

}  // namespace

answer json_answer(std::string body, int status) {
  answer a;
  a.status = status;
  a.body = std::move(body);
  return a;
}

answer text_answer(std::string body, int status) {
  answer a;
  a.status = status;
  a.content_type = "text/plain; charset=utf-8";
  a.body = std::move(body);
  return a;
}

answer refusal(int status, std::string_view code, std::string_view message, std::string_view detail) {
  boost::json::object entry{{"code", view(code)}, {"message", view(message)}};
  entry.emplace("detail", detail.empty() ? boost::json::value(nullptr) : boost::json::value(view(detail)));
  return json_answer(boost::json::serialize(boost::json::object{{"errors", boost::json::array{std::move(entry)}}}),
                     status);
}

answer refusal(const error& e) {
  const meaning m = meaning_of(e.code);
  answer a = refusal(m.status, m.code, e.text);
  if (m.status == 503 || m.status == 429) {
    a.headers.emplace_back("Retry-After", std::to_string(std::max<std::int64_t>(1, e.retry_after_ms / 1'000)));
  }
  return a;
}

}  // namespace longshore::api
