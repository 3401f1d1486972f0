#include "api/admin.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/admin_json.h"
#include "api/gap_json.h"
#include "api/limits_admin.h"
#include "engine/checksum.h"
#include "engine/decisions.h"
#include "engine/reference.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::size_t limit_default = 100, limit_max = 1'000;
constexpr std::size_t quarantine_default = 20, quarantine_max = 100;
constexpr std::size_t shown_body_bytes_max = 4'096;
constexpr std::size_t items_max = 1'000;

answer json_page(const json::object& o) { return json_answer(json::serialize(o) + "\n"); }

result<std::size_t> limit_of(const request& r, std::size_t otherwise, std::size_t most) {
  const auto text = r.asked("limit");
  if (!text) return otherwise;
  const auto n = to_count(*text);
  if (!n || *n == 0) return fail(errc::invalid, "limit is a number above 0 (at most " + std::to_string(most) + ")");
  return std::min<std::size_t>(*n, most);
}

// Which repositories are asked for; null: all.
using asked_state = std::function<bool(const engine::repository_state&)>;

result<asked_state> state_asked(const request& r) {
  const auto text = r.asked("state");
  if (!text || text->empty()) return asked_state();
  if (*text == "troubled") return asked_state(engine::is_troubled);
  for (const engine::sync_state s : all_sync_states) {
    if (*text == engine::name_of(s)) return [s](const engine::repository_state& of) { return of.state == s; };
  }
  return fail(errc::invalid, "state is one of pending, started, synced, failed, skipped and troubled");
}

json::value shown(const std::string& text) { return text.empty() ? json::value(nullptr) : json::value(text); }

void add_verification(json::object& to, const engine::repository_state& s, const engine::actual_repository& r) {
  to.emplace("verified_at", json_of(r.verified_at));
  to.emplace("verified_checksum", shown(r.checksum));
  to.emplace("mismatches", s.mismatches);
  to.emplace("deletes_allowed", r.deletes_allowed);
}

error no_states() {
  return {errc::conflict, "this site brings nothing to a registry, so its repositories have no state: ask a secondary"};
}

// A registry repeats what it could not deliver: what a stranger posted once is no warning for ever.
bool is_misdirected(const ingest_stats& s, timestamp now) {
  return s.misdirected > 0 && is_turned_away_lately(s.misdirected_at, now);
}

std::string misdirected(const ingest_stats& s) {
  return std::to_string(s.misdirected) + " requests came for a source that is not configured, or were posted where " +
         "nothing is, the last to " + s.misdirected_last +
         ": if a registry sends them, correct its notifications.endpoints[].url (/v1/events/NAME)";
}

error no_such_repository(std::string_view name) {
  return {errc::not_found, "the log does not speak of a repository " + printable(name)};
}

}  // namespace

void admin::add(router& to, std::string method, std::string pattern, answering (admin::*answer_it)(const request&)) {
  route r;
  r.method = std::move(method);
  r.pattern = std::move(pattern);
  r.handle = [this, answer_it](exchange& x) -> asio::awaitable<void> {
    auto a = co_await (this->*answer_it)(x.asked());
    x.reply(a ? *std::move(a) : refusal(a.error()));
  };
  r.admit = [this](request& q) -> std::optional<answer> {
    if (world_.admins.find(q.header("Authorization"))) return std::nullopt;
    return unauthorized("the administrator's token");
  };
  r.body_bytes_max = 4u << 10;
  to.add(std::move(r));
}

void admin::mount(router& to) {
  add(to, "GET", "/v1/status", &admin::status);
  add(to, "GET", "/v1/sites", &admin::all_sites);
  add(to, "GET", "/v1/repositories", &admin::repositories);
  add(to, "GET", "/v1/quarantine", &admin::quarantine);
  add(to, "POST", "/v1/repositories/{name*}/sync", &admin::sync);
  add(to, "GET", "/v1/repositories/{name*}", &admin::repository);
}

admin::answering admin::status(const request&) {
  auto counts =
      co_await world_.pool.run([this] { return count_repositories(world_.wanted, world_.done, world_.left_out); });
  if (!counts) co_return pass(std::move(counts));
  const site_facts facts = world_.facts();
  const timestamp now = world_.now.now();
  json::object o{{"site", facts.name},
                 {"role", facts.role},
                 {"version", facts.version},
                 {"started", json_of(facts.started)},
                 {"now", json_of(now)},
                 {"log", json::object{{"identity", world_.log.identity()}, {"size", world_.log.durable_size()}}},
                 {"journal", json::object{{"size", world_.journal.durable_size()}}},
                 {"repositories", facts.replicating ? json_of(*counts) : json::object{{"total", counts->total()}}},
                 {"quarantined", world_.aside.count()}};
  if (facts.following) {
    const auto lag = co_await replication_lag(world_, *facts.following);
    if (!lag) co_return std::unexpected(lag.error());
    o.emplace("follower", json_of(*facts.following, now));
    o.emplace("lag", json_of(*lag, *facts.following));
  }
  if (facts.replicating) {
    o.emplace("replication", json_of(*facts.replicating, now));
    o.emplace("verification", json_of(facts.verifying, facts.verifying_halted));
  }
  if (!facts.registries.empty()) o.emplace("registries", json_of(facts.registries));
  if (world_.incoming != nullptr) {
    json::array sources;
    for (const source_stats& s : world_.incoming->stats().sources) {
      json::object source = json_of(s);
      add_health(source, s, facts.reconciling, now);
      sources.push_back(std::move(source));
    }
    o.emplace("sources", std::move(sources));
    o.emplace("notifications", json_of(world_.incoming->stats()));
  }
  const std::vector<site_report> reports = world_.followers.all();
  json::array followers;
  for (const site_report& s : reports) followers.push_back(json_of(s, world_.log.durable_size(), now));
  o.emplace("sites", std::move(followers));
  o.emplace("followers", json_of_configured(world_.followers));
  const server_counters* server = world_.server ? world_.server() : nullptr;
  if (server != nullptr) o.emplace("http", json_of(*server));
  std::vector<std::string> warnings = facts.warnings;
  const ingest_stats* heard = world_.incoming != nullptr ? &world_.incoming->stats() : nullptr;
  if (heard != nullptr && is_misdirected(*heard, now)) warnings.push_back(misdirected(*heard));
  o.emplace("warnings", json::array(warnings.begin(), warnings.end()));
  o.emplace("verdict", json_of(verdict_of({.facts = facts,
                                           .counts = *counts,
                                           .heard = heard,
                                           .followers = reports,
                                           .turned_away = &world_.followers.turned_away(),
                                           .quarantined = world_.aside.count(),
                                           .quarantined_at = world_.aside.newest_at(),
                                           .warnings = warnings,
                                           .now = now})));
  co_return json_page(o);
}

admin::answering admin::all_sites(const request&) {
  const site_facts facts = world_.facts();
  const timestamp now = world_.now.now();
  const std::uint64_t size = world_.log.durable_size();
  json::object self{{"name", facts.name}, {"role", facts.role}, {"size", size}};
  if (facts.following) self.emplace("follower", json_of(*facts.following, now));
  json::array followers;
  for (const site_report& s : world_.followers.all()) followers.push_back(json_of(s, size, now));
  co_return json_page({{"self", std::move(self)},
                       {"sites", std::move(followers)},
                       {"followers", json_of_configured(world_.followers)}});
}

admin::answering admin::repositories(const request& r) {
  const auto state = state_asked(r);
  if (!state) co_return std::unexpected(state.error());
  const bool replicates = world_.facts().replicating.has_value();
  if (*state && !replicates) co_return std::unexpected(no_states());
  const auto limit = limit_of(r, limit_default, limit_max);
  if (!limit) co_return std::unexpected(limit.error());
  const std::string last = r.asked("last").value_or("");
  json::array found;
  json::value next(nullptr);
  auto walked = co_await world_.pool.run([&] {
    return each_repository(world_.wanted, world_.done, world_.left_out, [&](const engine::repository_state& s) {
      if (s.name <= last || (*state && !(*state)(s))) return true;
      if (found.size() == *limit) {
        next = found.back().as_object().at("name");
        return false;
      }
      found.push_back(replicates ? json_of(s) : json_of_logged(s));
      return true;
    });
  });
  if (!walked) co_return pass(std::move(walked));
  co_return json_page({{"repositories", std::move(found)}, {"next", std::move(next)}});
}

admin::answering admin::repository(const request& r) {
  const std::string name(r.parameter("name"));
  const bool replicates = world_.facts().replicating.has_value();
  auto shown = co_await world_.pool.run([&]() -> result<json::object> {
    auto wanted = world_.wanted.repository(name);
    if (!wanted) return pass(std::move(wanted));
    if (!*wanted) return std::unexpected(no_such_repository(name));
    auto done = world_.done.repository(name);
    if (!done) return pass(std::move(done));
    auto sum = engine::checksum_of(world_.wanted, name);
    if (!sum) return pass(std::move(sum));
    auto state = engine::state_of(**wanted, *done);
    if (auto rule = world_.left_out ? world_.left_out(name) : std::nullopt) {
      state = engine::skipped_by(std::move(state), *std::move(rule));
    }
    json::object o = replicates ? json_of(state) : json_of_logged(state);
    o.emplace("checksum", sum->checksum);
    o.emplace("tags", sum->tags);
    if (!replicates) return o;
    if (*done) add_verification(o, state, **done);
    json::array failed, parked, skipped;
    bool more = false;
    result<void> looked;
    auto walked = world_.done.items(name, [&](const engine::actual_item& item) {
      json::array* const to = item.state == engine::item_state::failed    ? &failed
                              : item.state == engine::item_state::parked  ? &parked
                              : item.state == engine::item_state::skipped ? &skipped
                                                                          : nullptr;
      if (to == nullptr) return true;
      if (to == &skipped) {
        auto said = world_.wanted.item(name, item.ref);
        if (!said) looked = pass(std::move(said));
        if (!looked) return false;
        if (*said && engine::is_nowhere(**said, item)) return true;
      }
      more = failed.size() + parked.size() + skipped.size() == items_max;
      if (!more) to->push_back(json_of(item));
      return !more;
    });
    if (!walked) return pass(std::move(walked));
    if (!looked) return pass(std::move(looked));
    o.emplace("failed", std::move(failed));
    o.emplace("parked", std::move(parked));
    o.emplace("skipped", std::move(skipped));
    o.emplace("more_items", more);
    return o;
  });
  if (!shown) co_return pass(std::move(shown));
  co_return json_page(*shown);
}

admin::answering admin::sync(const request& r) {
  const std::string name(r.parameter("name"));
  if (!world_.resync) {
    co_return fail(errc::conflict, "this site has no target registry to sync: ask a secondary");
  }
  if (!engine::is_repository_name(name)) co_return fail(errc::invalid, "this is not a repository's name");
  auto known = co_await world_.pool.run([&] { return world_.wanted.repository(name); });
  if (!known) co_return pass(std::move(known));
  if (!*known) co_return std::unexpected(no_such_repository(name));
  const bool allow = r.asked("allow_deletes").value_or("false") == "true" && world_.allow_deletes;
  auto done = co_await (allow ? world_.allow_deletes : world_.resync)(name);
  if (!done) co_return pass(std::move(done));
  answer a = json_page({{"repository", name}, {"sync", "scheduled"}, {"deletes_allowed", allow}});
  a.status = 202;
  co_return a;
}

admin::answering admin::quarantine(const request& r) {
  const auto limit = limit_of(r, quarantine_default, quarantine_max);
  if (!limit) co_return std::unexpected(limit.error());
  std::uint64_t from = 0;
  if (const auto text = r.asked("from")) {
    const auto n = to_count(*text);
    if (!n) co_return fail(errc::invalid, "from is the number of a quarantined notification");
    from = *n;
  }
  auto kept = co_await world_.pool.run([&] { return world_.aside.list(from, *limit); });
  if (!kept) co_return pass(std::move(kept));
  json::array shown;
  for (const log::quarantined& q : *kept) shown.push_back(json_of(q, shown_body_bytes_max));
  json::value next(nullptr);
  if (kept->size() == *limit) next = kept->back().number + 1;
  co_return json_page({{"count", world_.aside.count()}, {"quarantined", std::move(shown)}, {"next", std::move(next)}});
}

}  // namespace longshore::api
