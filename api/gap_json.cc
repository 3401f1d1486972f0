#include "api/gap_json.h"

#include <algorithm>
#include <boost/json.hpp>

#include "api/admin_json.h"
#include "api/spoken.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

json::value text(std::string_view s) {
  return s.empty() ? json::value(nullptr) : json::value(json::string_view(s.data(), s.size()));
}

json::value age(timestamp t, timestamp now) {
  if (t.us == 0) return nullptr;
  return static_cast<double>((now.us - t.us) / 1'000) / 1'000.0;
}

template <class T>
json::value maybe(const std::optional<T>& v) {
  return v ? json::value(json_of(*v)) : json::value(nullptr);
}

json::value incomplete_of(const engine::reconciled_source& s) {
  const engine::reconcile_record* r = s.incomplete();
  return r == nullptr ? json::value(nullptr) : json::value(json_of(*r));
}

}  // namespace

asio::awaitable<result<engine::replication_lag>> replication_lag(const admin_world& world,
                                                                 engine::follower_status following) {
  const auto selects = [&](std::string_view name) { return !world.left_out || !world.left_out(name); };
  auto oldest =
      co_await world.pool.run([&] { return engine::oldest_open(world.wanted, world.done, world.log, selects); });
  if (!oldest) co_return pass(std::move(oldest));
  co_return engine::lag_of(*std::move(oldest), following, world.now.now());
}

json::object json_of(const engine::replication_lag& lag, const engine::follower_status& following) {
  const json::value events = following.is_lag_known() ? json::value(lag.events) : json::value(nullptr);
  json::object o{{"events", events},
                 {"seconds", lag.seconds},
                 {"open_items", 0},
                 {"more_open_items", false},
                 {"oldest_open_item", nullptr}};
  if (lag.oldest) {
    o["open_items"] = lag.oldest->open_items;
    o["more_open_items"] = lag.oldest->more;
    o["oldest_open_item"] = json::object{{"repository", lag.oldest->repository},
                                         {"ref", lag.oldest->ref},
                                         {"seq", lag.oldest->seq.value},
                                         {"since", json_of(lag.oldest->since)}};
  }
  return o;
}

json::object json_of(const engine::reconcile_record& r) {
  const engine::reconcile_counts& c = r.counts;
  return {{"run", r.run},
          {"mode", text(engine::name_of(r.mode))},
          {"why", text(r.why)},
          {"whole", r.whole},
          {"complete", r.complete},
          {"broken_off", r.broken_off},
          {"reason", text(r.reason)},
          {"catalog_refused", text(r.catalog_refused)},
          {"started", json_of(r.started)},
          {"ended", json_of(r.ended)},
          {"repositories", c.repositories},
          {"repositories_done", c.done},
          {"repositories_failed", c.failed},
          {"tags", c.tags},
          {"requests", c.requests},
          {"findings", c.found}};
}

json::object json_of(const engine::run_progress& p) {
  json::object o = json_of(p.record);
  o.emplace("repositories_from", text(p.names_from));
  o.emplace("remaining_seconds",
            p.remaining_ms ? json::value(static_cast<double>(*p.remaining_ms) / 1e3) : json::value(nullptr));
  return o;
}

json::object json_of(const engine::reconciler_status& s) {
  json::array ended;
  for (const engine::reconcile_record& r : s.ended) ended.push_back(json_of(r));
  return {{"source", s.source},
          {"registry", s.registry},
          {"error", text(s.halted)},
          {"running", maybe(s.running)},
          {"queued", text(s.queued)},
          {"next_at", json_of(s.next_at)},
          {"interrupted", s.running ? json::value(nullptr) : maybe(s.reconciled.open)},
          {"last", maybe(s.reconciled.last)},
          {"last_complete", maybe(s.reconciled.last_complete)},
          {"incomplete", incomplete_of(s.reconciled)},
          {"digests_complete_at", json_of(s.reconciled.digests_complete_at)},
          {"suspected_loss", !s.reconciled.suspected.empty()},
          {"suspected_because", text(s.reconciled.suspected)},
          {"suspected_since",
           s.reconciled.suspected.empty() ? json::value(nullptr) : json_of(s.reconciled.suspected_since)},
          {"ended", std::move(ended)}};
}

void add_health(json::object& to, const source_stats& heard, const std::vector<engine::reconciler_status>& all,
                timestamp now) {
  to.emplace("last_seq", heard.last_seq ? json::value(heard.last_seq->value) : json::value(nullptr));
  to.emplace("seconds_since_event", age(heard.last_event, now));
  to.emplace("refused_in_a_row", heard.refused_in_a_row);
  to.emplace("last_refusal", text(heard.last_refusal));
  to.emplace("wrong_tokens_in_a_row", heard.wrong_tokens_in_a_row);
  const auto at = std::ranges::find(all, heard.name, &engine::reconciler_status::source);
  to.emplace("reconciled", at != all.end());
  if (at == all.end()) return;
  const engine::reconciled_source& r = at->reconciled;
  to.emplace("suspected_loss", !r.suspected.empty());
  to.emplace("suspected_because", text(r.suspected));
  to.emplace("suspected_since", r.suspected.empty() ? json::value(nullptr) : json_of(r.suspected_since));
  to.emplace("last_complete_reconcile", maybe(r.last_complete));
  to.emplace("digests_complete_at", json_of(r.digests_complete_at));
  to.emplace("incomplete_reconcile", incomplete_of(r));
  to.emplace("reconciling", maybe(at->running));
  to.emplace("next_reconcile_at", json_of(at->next_at));
  to.emplace("reconcile_error", text(at->halted));
}

std::string warning_of(const engine::reconciler_status& s) {
  const engine::reconcile_record* r = s.reconciled.incomplete();
  if (r == nullptr) return {};
  const std::string last = "source " + s.source + ": its last reconcile" + (r->whole ? " of all repositories" : "");
  if (!r->broken_off) return last + " was not complete: " + r->reason;
  const std::string next = !s.halted.empty()   ? ""
                           : s.running         ? "; a look at the registry is running"
                           : s.next_at.us > 0  ? "; tried again at " + second_of(to_rfc3339(s.next_at))
                           : !s.queued.empty() ? "; a look at the registry comes next"
                                               : "";
  return last + " broke off: " + r->reason + next + "; longshore doctor says what can be reached";
}

}  // namespace longshore::api
