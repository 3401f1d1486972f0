#include "api/verify_admin.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/admin_json.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::size_t body_bytes_max = 256u << 10;
constexpr std::size_t globs_max = 1'000;
constexpr std::uint64_t wait_seconds_max = 30;

std::string text(std::string_view s) { return std::string(s); }

// What remains at the pace so far; null while nothing is known.
json::value eta_of(const engine::verify_run& r, timestamp now) {
  if (!r.running || r.done == 0) return nullptr;
  const std::int64_t taken_us = now.us - r.started.us;
  return static_cast<double>(taken_us / static_cast<std::int64_t>(r.done) *
                             static_cast<std::int64_t>(r.total - r.done) / 1'000) /
         1'000.0;
}

json::object counts_of(const engine::verify_run& r) {
  return {{"total", r.total},           {"done", r.done},
          {"clean", r.clean},           {"unjudged", r.unjudged},
          {"mismatched", r.mismatched}, {"unknown", r.unknown_repositories}};
}

json::object json_of(const engine::verify_run& r, timestamp now) {
  json::array mismatches, unknowns, left_out;
  for (const auto& m : r.mismatches) {
    mismatches.push_back(json::object{{"repository", m.repository},
                                      {"tag", m.what.tag},
                                      {"kind", text(engine::name_of(m.what.kind))},
                                      {"digest", m.what.digest},
                                      {"reason", m.what.reason}});
  }
  for (const auto& u : r.unknowns) {
    unknowns.push_back(json::object{{"repository", u.repository}, {"reason", u.reason}});
  }
  for (const auto& u : r.left_out) {
    left_out.push_back(json::object{{"repository", u.repository}, {"reference", u.ref}, {"not_judged", u.why}});
  }
  return {{"run", r.number},
          {"running", r.running},
          {"deep", r.asked.deep},
          {"repair", r.asked.repair},
          {"started", api::json_of(r.started)},
          {"finished", api::json_of(r.finished)},
          {"eta_seconds", eta_of(r, now)},
          {"reopening", r.reopening},
          {"repository", r.repository.empty() ? json::value(nullptr) : json::value(r.repository)},
          {"repositories", counts_of(r)},
          {"tags", r.progress.tags},
          {"manifests", r.progress.manifests},
          {"blobs", r.progress.blobs},
          {"bytes", r.progress.bytes},
          {"unsettled_tags", r.unsettled},
          {"parked_tags", r.parked},
          {"skipped_tags", r.skipped},
          {"mismatches_found", r.mismatches_found},
          {"not_in_log", r.unclaimed},
          {"kept_by_target", r.kept_by_target},
          {"not_at_source", r.not_at_source},
          {"mismatches", std::move(mismatches)},
          {"unknown", std::move(unknowns)},
          {"left_out", std::move(left_out)},
          {"error", r.failure.empty() ? json::value(nullptr) : json::value(r.failure)}};
}

// What the schedule has done since the start, and what stands now, whoever asked.
json::object json_of_scheduled(const engine::verification& v) {
  const engine::verify_run& r = v.scheduled();
  return {{"repositories", counts_of(r)},
          {"mismatches_found", r.mismatches_found},
          {"error", r.failure.empty() ? json::value(nullptr) : json::value(r.failure)}};
}

json::object json_of_not_compared(const engine::verification& v) {
  json::array listed;
  for (const auto& [name, reason] : v.not_compared()) {
    if (listed.size() == engine::verify_listed_max) break;
    listed.push_back(json::object{{"repository", name}, {"reason", reason}});
  }
  return {{"count", v.not_compared().size()}, {"listed", std::move(listed)}};
}

error no_target() { return {errc::conflict, "this site has no target registry to verify: ask a secondary"}; }

result<bool> flag(const json::object& of, const char* field, bool otherwise) {
  const json::value* v = of.if_contains(field);
  if (v == nullptr) return otherwise;
  if (!v->is_bool()) return fail(errc::invalid, std::string(field) + " is true or false");
  return v->get_bool();
}

}  // namespace

result<engine::verify_request> parse_verify_request(std::string_view body) {
  engine::verify_request out;
  if (body.empty()) return out;
  boost::system::error_code ec;
  const json::value parsed = json::parse({body.data(), body.size()}, ec);
  if (ec || !parsed.is_object()) return fail(errc::invalid, "the body is not a JSON object");
  const json::object& o = parsed.get_object();
  for (const auto& [field, value] : o) {
    if (field != "repositories" && field != "deep" && field != "repair") {
      return fail(errc::invalid, "there is no field " + printable(std::string_view(field.data(), field.size())) +
                                     "; known are repositories, deep and repair");
    }
  }
  auto deep = flag(o, "deep", false);
  if (!deep) return pass(std::move(deep));
  auto repair = flag(o, "repair", true);
  if (!repair) return pass(std::move(repair));
  out.deep = *deep;
  out.repair = *repair;
  const json::value* names = o.if_contains("repositories");
  if (names == nullptr) return out;
  if (!names->is_array() || names->get_array().size() > globs_max) {
    return fail(errc::invalid, "repositories is a list of at most " + std::to_string(globs_max) + " names or globs");
  }
  for (const json::value& name : names->get_array()) {
    if (!name.is_string() || name.get_string().empty() || name.get_string().size() > 512) {
      return fail(errc::invalid, "repositories holds something that is no name");
    }
    out.repositories.emplace_back(name.get_string());
  }
  return out;
}

void verify_admin::add(router& to, std::string method, answering (verify_admin::*answer_it)(const request&)) {
  route r;
  r.method = std::move(method);
  r.pattern = "/v1/verify";
  r.handle = [this, answer_it](exchange& x) -> asio::awaitable<void> {
    auto a = co_await (this->*answer_it)(x.asked());
    x.reply(a ? *std::move(a) : refusal(a.error()));
  };
  r.admit = [this](request& q) -> std::optional<answer> {
    if (world_.admins.find(q.header("Authorization"))) return std::nullopt;
    return unauthorized("the administrator's token");
  };
  r.body_bytes_max = body_bytes_max;
  to.add(std::move(r));
}

void verify_admin::mount(router& to) {
  add(to, "POST", &verify_admin::begin);
  add(to, "GET", &verify_admin::show);
}

verify_admin::answering verify_admin::begin(const request& r) {
  if (world_.does == nullptr) co_return std::unexpected(no_target());
  auto asked = parse_verify_request(r.body);
  if (!asked) co_return pass(std::move(asked));
  auto number = world_.does->begin(*std::move(asked));
  if (!number) co_return pass(std::move(number));
  const json::object o{{"run", *number}, {"repositories", world_.does->last().total}};
  co_return json_answer(json::serialize(o) + "\n", 202);
}

verify_admin::answering verify_admin::show(const request& r) {
  if (world_.does == nullptr) co_return std::unexpected(no_target());
  if (const auto text = r.asked("wait")) {
    const auto seconds = to_count(*text);
    if (!seconds) co_return fail(errc::invalid, "wait is a number of seconds");
    co_await world_.does->wait(static_cast<std::int64_t>(std::min(*seconds, wait_seconds_max)) * 1'000);
  }
  json::object shown = json_of(world_.does->last(), world_.now.now());
  const std::int64_t every_ms = world_.does->every_ms();
  shown.emplace("every_seconds", every_ms > 0 ? json::value(every_ms / 1'000) : json::value(nullptr));
  shown.emplace("scheduled", json_of_scheduled(*world_.does));
  shown.emplace("not_compared", json_of_not_compared(*world_.does));
  co_return json_answer(json::serialize(shown) + "\n");
}

}  // namespace longshore::api
