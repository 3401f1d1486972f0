#include "api/limits_admin.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/admin_json.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::uint64_t bytes_min = 1'000, bytes_max = 1'000'000'000'000;
constexpr double requests_min = 0.001, requests_max = 1'000'000;
constexpr std::size_t body_bytes_max = 4u << 10;

std::unexpected<error> expected(const std::string& what) { return fail(errc::invalid, what); }

std::optional<double> number_of(const json::value& v) {
  if (v.is_double()) return v.get_double();
  if (v.is_int64()) return static_cast<double>(v.get_int64());
  if (v.is_uint64()) return static_cast<double>(v.get_uint64());
  return std::nullopt;
}

result<void> take_bytes(const json::value& v, limits_change& to) {
  if (v.is_null()) {
    to.bytes_per_second.emplace();
    return {};
  }
  if (v.is_int64() && v.get_int64() >= 0) {
    const auto n = static_cast<std::uint64_t>(v.get_int64());
    if (n == 0 || (n >= bytes_min && n <= bytes_max)) {
      to.bytes_per_second.emplace(n);
      return {};
    }
  }
  return expected(
      "bytes_per_second: expected a whole number of bytes from 1000 to 1000000000000, 0 for no limit, or "
      "null for what is configured");
}

result<void> take_requests(const json::value& v, limits_change& to) {
  if (v.is_null()) {
    to.requests_per_second.emplace();
    return {};
  }
  if (const auto n = number_of(v); n && (*n == 0 || (*n >= requests_min && *n <= requests_max))) {
    to.requests_per_second.emplace(*n);
    return {};
  }
  return expected(
      "requests_per_second: expected a number from 0.001 to 1000000, 0 for no limit, or null for what is "
      "configured");
}

result<void> take(const json::value& v, limits_change& to) {
  if (!v.is_object()) return expected("expected an object with bytes_per_second or requests_per_second");
  for (const auto& member : v.get_object()) {
    const std::string_view key = member.key();
    if (key == "bytes_per_second") {
      if (auto ok = take_bytes(member.value(), to); !ok) return ok;
    } else if (key == "requests_per_second") {
      if (auto ok = take_requests(member.value(), to); !ok) return ok;
    } else {
      return expected(printable(key) + " is no limit: expected bytes_per_second or requests_per_second");
    }
  }
  return {};
}

}  // namespace

host_limits_view limited_registry::view() const {
  host_limits_view v = limits->view();
  v.sections = sections;
  return v;
}

result<std::vector<limits_change>> parse_limits_change(std::string_view body, const std::vector<limited_registry>& of) {
  boost::system::error_code ec;
  const json::value parsed = json::parse(body, ec);
  if (ec || !parsed.is_object()) {
    return expected("expected JSON like {\"source_registry\": {\"bytes_per_second\": 10000000}}");
  }
  std::vector<limits_change> out(of.size());
  std::vector<bool> named(of.size());
  for (const auto& member : parsed.get_object()) {
    const std::string section(member.key());
    std::string known;
    const auto found = std::find_if(of.begin(), of.end(), [&](const limited_registry& r) {
      for (const std::string& s : r.sections) known += (known.empty() ? "" : " or ") + s;
      return std::find(r.sections.begin(), r.sections.end(), section) != r.sections.end();
    });
    if (found == of.end()) {
      return expected(printable(section) + " is no registry of this site: " +
                      (known.empty() ? "it has none with limits" : "expected " + known));
    }
    const auto i = static_cast<std::size_t>(found - of.begin());
    if (named[i]) return expected(found->sections.back() + " is the same registry: name one of its sections");
    named[i] = true;
    if (auto ok = take(member.value(), out[i]); !ok) return pass(std::move(ok), section);
  }
  return out;
}

json::value json_of(const vain_requests& v) {
  if (v.in_a_row == 0) return nullptr;
  return json::object{{"in_a_row", v.in_a_row}, {"since", json_of(v.since)}, {"last", json_of(v.last)}, {"why", v.why}};
}

json::object json_of(const host_limits_view& v) {
  const host_counters& c = v.counters;
  return {{"registry", v.host},
          {"bytes_per_second", v.bytes_per_second},
          {"bytes_per_second_by", name_of(v.bytes_by)},
          {"requests_per_second", v.requests_per_second},
          {"requests_per_second_by", name_of(v.requests_by)},
          {"left_alone_until", v.left_alone_until ? json_of(*v.left_alone_until) : json::value(nullptr)},
          {"connections",
           json::object{{"allowed", v.connections_allowed}, {"min", v.connections_min}, {"max", v.connections_max}}},
          {"in_vain", json_of(v.vain)},
          {"waiting", json::object{{"requests", v.requests_waiting}, {"transfers", v.transfers_waiting}}},
          {"counters", json::object{{"requests", c.requests},
                                    {"bytes_in", c.bytes_in},
                                    {"bytes_out", c.bytes_out},
                                    {"throttled", c.throttled},
                                    {"unauthorized", c.unauthorized},
                                    {"unavailable", c.unavailable},
                                    {"broken", c.broken},
                                    {"retry_afters", c.retry_afters},
                                    {"halvings", c.halvings}}}};
}

json::object json_of(const std::vector<host_limits_view>& all) {
  json::object out;
  for (const host_limits_view& v : all) {
    for (const std::string& section : v.sections) out.emplace(section, json_of(v));
  }
  return out;
}

answer limits_admin::show() const {
  std::vector<host_limits_view> all;
  for (const limited_registry& r : registries_) all.push_back(r.view());
  const json::object shown{{"registries", json_of(all)},
                           {"note", "changes last until this site restarts; then the configuration holds"}};
  return json_answer(json::serialize(shown) + "\n");
}

answer limits_admin::change(const request& r) {
  const auto changes = parse_limits_change(r.body, registries_);
  if (!changes) return refusal(changes.error());
  for (std::size_t i = 0; i < changes->size(); ++i) registries_[i].limits->change((*changes)[i]);
  return show();
}

void limits_admin::mount(router& to) {
  const auto add = [&](const char* method, std::function<answer(const request&)> answer_it) {
    route r;
    r.method = method;
    r.pattern = "/v1/limits";
    r.handle = [answer_it = std::move(answer_it)](exchange& x) -> asio::awaitable<void> {
      x.reply(answer_it(x.asked()));
      co_return;
    };
    r.admit = [this](request& q) -> std::optional<answer> {
      if (admins_->find(q.header("Authorization"))) return std::nullopt;
      return unauthorized("the administrator's token");
    };
    r.body_bytes_max = body_bytes_max;
    to.add(std::move(r));
  };
  add("GET", [this](const request&) { return show(); });
  add("PUT", [this](const request& r) { return change(r); });
}

}  // namespace longshore::api
