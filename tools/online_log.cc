#include "tools/online_log.h"

#include <boost/json.hpp>
#include <optional>

namespace longshore::tools {
namespace {

namespace json = boost::json;

site_question events(const online_site& site, std::uint64_t next, int wait_s) {
  std::string target = "/v1/log/events?wait=" + std::to_string(wait_s);
  if (next > 0) target += "&after=" + std::to_string(next - 1);
  site_question q = site.question("GET", target);
  q.accept = "application/x-ndjson";
  return q;
}

std::optional<std::uint64_t> seq_of(const json::value& line) {
  if (!line.is_object()) return std::nullopt;
  const json::value* seq = line.as_object().if_contains("seq");
  boost::system::error_code ec;
  if (seq == nullptr || !seq->is_number()) return std::nullopt;
  const auto n = seq->to_number<std::uint64_t>(ec);
  return ec ? std::nullopt : std::optional(n);
}

constexpr std::uint64_t newest_default = 10;

}  // namespace

result<record_span> tail_span(std::uint64_t size, std::optional<std::uint64_t> lines,
                              std::optional<std::uint64_t> after) {
  if (!after) return record_span{size - std::min(size, lines.value_or(newest_default)), size};
  if (*after >= size) {
    return fail(errc::not_found,
                "there is no record " + std::to_string(*after) + " yet: the log has " + with_commas(size));
  }
  const std::uint64_t first = *after + 1;
  return record_span{first, first + std::min(size - first, lines.value_or(size))};
}

result<void> read_log(const online_site& site, std::uint64_t& next, int wait_s, const on_record& each) {
  const auto answer = site.client->lines(events(site, next, wait_s), [&](std::string_view text) {
    boost::system::error_code ec;
    const json::value line = json::parse(text, ec);
    const auto seq = ec ? std::nullopt : seq_of(line);
    if (!seq || *seq < next) return true;  // a heartbeat, or a line seen before
    next = *seq + 1;
    return each(line.as_object(), text);
  });
  if (!answer) return fail(answer.error().code, site.url + ": " + answer.error().text);
  if (!answer->ok()) return std::unexpected(refusal(*answer, site.url + "/v1/log/events"));
  return {};
}

}  // namespace longshore::tools
