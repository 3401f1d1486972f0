// The running site, as doctor sees it: alive, ready, its tokens, and a notification's whole way into the log.

#include <algorithm>
#include <boost/json.hpp>
#include <random>

#include "api/notification.h"
#include "api/url.h"
#include "storage/env/clock.h"
#include "tools/doctor.h"
#include "tools/json_text.h"
#include "tools/online_log.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

std::string random_id() {
  std::random_device device;
  std::string id = "doctor-";
  for (int i = 0; i < 4; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    std::uint32_t word = device();
    for (int j = 0; j < 8; ++j, word >>= 4) id += digits[word & 15];
  }
  return id;
}

site_question notification(const named_token& source, const std::string& id) {
  json::object event{{"id", id},
                     {"timestamp", to_rfc3339(system_clock().now())},
                     {"action", api::probe_action},
                     {"target", json::object{{"repository", "longshore/doctor"}}},
                     {"source", json::object{{"addr", "longshore doctor"}}}};
  site_question q;
  q.method = "POST";
  q.target = "/v1/events/" + api::escape(source.name);
  q.token = source.token;
  q.content_type = "application/vnd.docker.distribution.events.v1+json";
  q.body = json::serialize(json::object{{"events", json::array{std::move(event)}}});
  return q;
}

// Whether the record with this id is in the log from position `from` on, as far as the log goes now.
result<bool> is_logged(const online_site& site, std::uint64_t from, const std::string& id) {
  const auto until = log_size(site);
  if (!until) return pass(result(until), "reading the log");
  bool found = false;
  for (std::uint64_t next = from; next < *until && !found;) {
    const std::uint64_t before = next;
    const auto read = read_log(site, next, 0, [&](const json::object& record, std::string_view) {
      const json::value* given = record.if_contains("id");
      found = given != nullptr && given->is_string() && std::string_view(given->as_string()) == id;
      return !found && next < *until;
    });
    if (!read) return pass(result(read), "reading the log");
    if (next == before) break;
  }
  return found;
}

void check_round_trip(const online_site& site, const named_token& source, const on_checked& told) {
  const std::string what = "notification of " + source.name;
  const auto from = log_size(site);
  if (!from) {
    told({what, verdict::bad, "the log's size could not be read: " + from.error().text, "see the checks above"});
    return;
  }
  const std::string id = random_id();
  const auto answer = site.client->ask(notification(source, id));
  if (!answer) {
    told({what, verdict::bad, answer.error().text, "the site must be running and reachable from here"});
    return;
  }
  if (!answer->ok()) {
    told({what, verdict::bad, refusal(*answer, "refused").text,
          answer->status == 401   ? "restart the site: it runs with another token for this source"
          : answer->status == 507 ? "free some disk space in the data directory"
                                  : "look at the site's log file"});
    return;
  }
  const auto logged = is_logged(site, *from, id);
  if (!logged) {
    told({what, verdict::bad, logged.error().text, "look at the site's log file"});
  } else if (!*logged) {
    told({what, verdict::bad, "acknowledged, but not in the log", "look at longshore status --quarantine"});
  } else {
    told({what, verdict::good, "taken, made durable, and read back from the log (id " + id + ")", ""});
  }
}

// What a part of the status says is wrong: its "error", empty when there is none; nothing when the part is absent.
std::optional<std::string> problem_in(const json::value& status, const char* part) {
  const json::value* found = status.is_object() ? status.as_object().if_contains(part) : nullptr;
  if (found == nullptr || !found->is_object()) return std::nullopt;
  const json::value* problem = found->as_object().if_contains("error");
  if (problem == nullptr || problem->is_null()) return std::string();
  return problem->is_string() ? std::string(problem->as_string()) : json::serialize(*problem);
}

std::string summary_of(std::string_view part, const json::object& o) {
  const auto shown = [&](const char* name) {
    const json::value* v = o.if_contains(name);
    if (v == nullptr) return std::string("?");
    return v->is_string() ? std::string(v->as_string()) : json::serialize(*v);
  };
  if (part == "follower") {
    const std::string lag = shown("lag_events");
    return shown("state") + ", " + (lag == "null" ? "an unknown number of" : lag) + " records behind the primary";
  }
  if (part == "verification") return "goes on by itself";
  return shown("queued") + " repositories queued, " + shown("waiting_for_retry") + " waiting for a retry";
}

void check_secondary(const online_site& site, const json::value& status, const on_checked& told) {
  for (const char* part : {"follower", "replication", "verification"}) {
    const auto problem = problem_in(status, part);
    if (!problem) {
      told(
          {part, verdict::bad, "the running site has none", "it has another role: restart it with this configuration"});
    } else if (!problem->empty()) {
      told({part, verdict::bad, *problem, "see the checks above, and the site's log file"});
    } else {
      told({part, verdict::good, summary_of(part, status.at(part).as_object()), ""});
    }
  }
  boost::system::error_code ec;
  constexpr std::pair<const char*, const char*> open[] = {
      {"troubled", "longshore status --state troubled shows which, and why"},
      {"parked_items", "longshore items --state parked shows each, why, and what to do"}};
  for (const auto& [what, remedy] : open) {
    const json::value* count = status.find_pointer(std::string("/repositories/") + what, ec);
    if (count == nullptr || !count->is_number() || count->to_number<std::uint64_t>(ec) == 0) continue;
    told({std::string("repositories: ") + what, verdict::attention, json::serialize(*count) + " of them at " + site.url,
          remedy});
  }
}

// What /readyz says in its one line.
std::string reason_of(const result<site_answer>& refused) {
  if (!refused || refused->body.empty()) return {};
  return ": " + refused->body.substr(0, refused->body.find('\n'));
}

void check_reconciling(const json::value& status, const on_checked& told) {
  const json::value* sources = status.is_object() ? status.as_object().if_contains("sources") : nullptr;
  if (sources == nullptr || !sources->is_array()) return;
  for (const json::value& source : sources->as_array()) {
    if (!source.is_object()) continue;
    const json::value* name = source.as_object().if_contains("name");
    const json::value* halted = source.as_object().if_contains("reconcile_error");
    if (name == nullptr || !name->is_string() || halted == nullptr || !halted->is_string()) continue;
    told(
        {"reconciling " + std::string(name->as_string()), verdict::bad, std::string(halted->as_string()),
         "stop the site, run longshore rebuild-views on its data directory where the error speaks of damage, and start "
         "it: it goes on from its journal"});
  }
}

std::uint64_t count_in(const json::object& o, const char* name) {
  const json::value* v = o.if_contains(name);
  boost::system::error_code ec;
  const auto n = v != nullptr && v->is_number() ? v->to_number<std::uint64_t>(ec) : 0;
  return ec ? 0 : n;
}

// What works, and will not bring everything.
void check_losses(const json::value& status, const on_checked& told) {
  if (!status.is_object()) return;
  const json::object& all = status.as_object();
  if (const auto n = count_in(all, "quarantined"); n > 0) {
    told({"quarantine", verdict::attention, std::to_string(n) + " notifications could not be understood",
          "longshore status --quarantine shows them, and why"});
  }
  const json::value* sources = all.if_contains("sources");
  if (sources == nullptr || !sources->is_array()) return;
  for (const json::value& one : sources->as_array()) {
    const json::value* name = one.is_object() ? one.as_object().if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string()) continue;
    const json::object& source = one.as_object();
    const std::string what = "source " + std::string(name->as_string());
    if (const auto n = count_in(source, "wrong_tokens_in_a_row"); n > 0) {
      told({what, verdict::attention, std::to_string(n) + " requests with a wrong token since a notification was taken",
            "give its registry the token of this [[source]], then run longshore reconcile --digests"});
    }
    const json::value* lost = source.if_contains("suspected_loss");
    if (lost == nullptr || !lost->is_bool() || !lost->as_bool()) continue;
    const json::value* why = source.if_contains("suspected_because");
    told({what, verdict::attention,
          "notifications may be missing" +
              (why != nullptr && why->is_string() ? ": " + std::string(why->as_string()) : std::string()),
          "longshore reconcile --status shows when they are looked for; longshore reconcile --digests does it now"});
  }
}

// The first repositories that the site knows, by name; in that state where one is given.
std::vector<std::string> known_repositories(const online_site& site, const std::string& state) {
  const json::value page = asked(site, "/v1/repositories?limit=1000" + (state.empty() ? "" : "&state=" + state));
  boost::system::error_code ec;
  const json::value* all = page.find_pointer("/repositories", ec);
  std::vector<std::string> names;
  if (all == nullptr || !all->is_array()) return names;
  for (const json::value& one : all->as_array()) {
    const json::value* name = one.find_pointer("/name", ec);
    if (name != nullptr && name->is_string()) names.emplace_back(name->as_string());
  }
  return names;
}

std::size_t listed_of(const std::vector<std::string>& names, const std::set<std::string>& listed) {
  return static_cast<std::size_t>(
      std::ranges::count_if(names, [&](const auto& name) { return listed.contains(name); }));
}

// A registry that lost its data, or another one at the same address, is a registry that works.
void check_target_contents(const online_site& site, const std::set<std::string>& listed, const on_checked& told) {
  const std::vector<std::string> synced = known_repositories(site, "synced");
  const std::size_t there = listed_of(synced, listed);
  if (2 * there >= synced.size()) return;
  told({"target_registry contents", verdict::attention,
        "it lists " + std::to_string(there) + " of " + counted(synced.size(), "repository", "repositories") +
            " that were synced",
        "longshore verify tells what is gone, and has it brought (repositories of which nothing belongs there count "
        "here, too); if it was emptied or replaced: longshore serve --new-target, once"});
}

void check_source_contents(const online_site& site, const seen_registries& seen, const on_checked& told) {
  const std::vector<std::string> known = known_repositories(site, {});
  if (known.empty()) return;
  bool complete = !seen.sources.empty(), any = false;
  for (const auto& [name, listed] : seen.sources) {
    complete = complete && listed.has_value();
    any = any || (listed && listed_of(known, *listed) > 0);
  }
  if (!complete || any) return;
  told({"source contents", verdict::attention,
        "no registry of a [[source]] lists any of " + counted(known.size(), "repository", "repositories") +
            " that the log knows",
        "has it lost its data, or is it another registry? Nothing is deleted for that; where it is meant: longshore "
        "reconcile REPOSITORY..."});
}

void check_last_looks(const json::value& reconcile, const on_checked& told) {
  boost::system::error_code ec;
  const json::value* sources = reconcile.find_pointer("/sources", ec);
  if (sources == nullptr || !sources->is_array()) return;
  for (const json::value& one : sources->as_array()) {
    const json::value* name = one.find_pointer("/source", ec);
    const json::value* incomplete = one.find_pointer("/incomplete", ec);
    const json::value* why = one.find_pointer("/incomplete/reason", ec);
    if (name == nullptr || !name->is_string() || incomplete == nullptr || !incomplete->is_object()) continue;
    told({"reconciling " + std::string(name->as_string()), verdict::attention,
          std::string("the last look at its registry ") +
              (flag_at(one, "/incomplete/broken_off") ? "broke off" : "was not complete") +
              (why != nullptr && why->is_string() ? ": " + std::string(why->as_string()) : std::string()),
          "longshore reconcile --status shows it; longshore reconcile --wait looks again"});
  }
}

}  // namespace

void check_site(const config& c, const std::string& url, const std::string& ca_file, const on_checked& told,
                const seen_registries& seen) {
  online_site site;
  site.settings = c;
  site.url = url;
  site.ca_file = ca_file;
  auto client = site_client::create(url, ca_file);
  if (!client) {
    told({"site", verdict::bad, client.error().text, "correct --url or --ca-file"});
    return;
  }
  site.client = std::move(*client);
  site_question alive;
  alive.target = "/healthz";
  const auto health = site.client->ask(alive);
  if (!health) {
    told({"site", verdict::bad, "nothing answers at " + url + ": " + health.error().text,
          "start it: longshore serve --config " + (c.file.empty() ? "FILE" : c.file.string()) + unreached(url)});
    return;
  }
  if (!health->ok()) {
    told({"site", verdict::bad, refusal(*health, url + "/healthz").text, "look at the site's log file"});
    return;
  }
  alive.target = "/readyz";
  const auto ready = site.client->ask(alive);
  if (ready && ready->ok())
    told({"site", verdict::good, url + " is alive and ready", ""});
  else
    told({"site", verdict::attention, url + " is alive and not ready" + reason_of(ready), "look at longshore status"});

  const auto status = site.client->ask(site.question("GET", "/v1/status"));
  if (!status || !status->ok()) {
    told({"admin token", verdict::bad, status ? refusal(*status, "refused").text : status.error().text,
          "restart the site: it runs with another [admin] token"});
    return;
  }
  told({"admin token", verdict::good, "taken", ""});
  boost::system::error_code ec;
  const json::value shown = json::parse(status->body, ec);
  if (c.site.role == site_role::primary) {
    check_reconciling(shown, told);
    check_losses(shown, told);
    check_last_looks(asked(site, "/v1/reconcile"), told);
    check_source_contents(site, seen, told);
    for (const named_token& source : c.sources) check_round_trip(site, source, told);
    return;
  }
  check_secondary(site, shown, told);
  if (seen.target) check_target_contents(site, *seen.target, told);
}

}  // namespace longshore::tools
