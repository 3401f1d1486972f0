#include "tools/reconcile_text.h"

#include <algorithm>
#include <vector>

#include "api/spoken.h"
#include "tools/command.h"
#include "tools/explained_rows.h"
#include "tools/json_text.h"

namespace longshore::tools {

namespace json = boost::json;

namespace {

struct known_run {
  const json::value* run;
  std::string what;
};

// Those that have a name first; what ended since the start, newest first.
std::vector<known_run> runs_of(const json::object& source) {
  std::vector<known_run> all;
  const auto add = [&](const json::value& run, std::string_view what) {
    if (!run.is_object()) return;
    const std::string id = text_at(run, "/run");
    const auto known = std::ranges::find_if(all, [&](const known_run& k) { return text_at(*k.run, "/run") == id; });
    if (known == all.end()) {
      all.push_back({&run, std::string(what)});
    } else if (!what.empty()) {
      known->what += (known->what.empty() ? "" : ", ") + std::string(what);
    }
  };
  for (const auto& [member, what] : {std::pair{"running", "running"},
                                     {"interrupted", "interrupted"},
                                     {"last", "last"},
                                     {"last_complete", "last complete"},
                                     {"incomplete", "not complete"}}) {
    if (const json::value* run = source.if_contains(member)) add(*run, what);
  }
  const json::value* ended = source.if_contains("ended");
  if (ended == nullptr || !ended->is_array()) return all;
  const json::array& list = ended->get_array();
  for (auto run = list.rbegin(); run != list.rend(); ++run) add(*run, "");
  return all;
}

// What began it, in a few words; the rest stands below, with what else is to be said.
std::pair<std::string, std::string> whys_of(const json::value& run) {
  std::string why = text_at(run, "/why"), more;
  const auto say = [&more](const std::string& what) { more += (more.empty() ? "" : "; ") + what; };
  if (const std::size_t colon = why.find(": "); colon != std::string::npos) {
    say(why.substr(colon + 2));
    why.resize(colon);
  }
  if (const std::string reason = text_at(run, "/reason"); !reason.empty()) say(reason);
  if (const std::string refused = text_at(run, "/catalog_refused"); !refused.empty()) {
    say("the catalog was refused: " + refused);
  }
  if (const std::uint64_t left = number_at(run, "/remaining_seconds"); left > 0) say(api::time_of(left) + " left");
  return {std::move(why), std::move(more)};
}

explained_row row_of(const known_run& k) {
  const json::value& r = *k.run;
  const auto n = [&](const char* at) { return with_commas(number_at(r, at)); };
  const std::string ended = api::second_of(text_at(r, "/ended"));
  auto [why, more] = whys_of(r);
  return {{text_at(r, "/run"), k.what, text_at(r, "/mode"), std::move(why), flag_at(r, "/whole") ? "all" : "some",
           flag_at(r, "/complete") ? "yes" : "no", api::second_of(text_at(r, "/started")), ended.empty() ? "-" : ended,
           n("/repositories_done") + " of " + n("/repositories"), n("/tags"), n("/requests"), n("/findings")},
          std::move(more)};
}

}  // namespace

std::string reconcile_text(const json::array& sources) {
  if (sources.empty()) return "no source has a registry that this site looks at: [source.NAME] url\n";
  std::string out;
  for (const json::value& one : sources) {
    if (!one.is_object()) continue;
    if (!out.empty()) out += "\n";
    json::object facts = one.get_object();
    const std::vector<known_run> runs = runs_of(one.get_object());
    for (const char* member : {"running", "interrupted", "last", "last_complete", "incomplete", "ended"}) {
      facts.erase(member);
    }
    out += to_text(facts);
    if (runs.empty()) {
      out += "no run yet\n";
      continue;
    }
    std::vector<explained_row> rows{{{"RUN", "WHAT", "MODE", "WHY", "OVER", "COMPLETE", "STARTED", "ENDED",
                                      "REPOSITORIES", "TAGS", "REQUESTS", "FOUND"},
                                     {}}};
    for (const known_run& k : runs) rows.push_back(row_of(k));
    out += table_of(rows);
  }
  return out;
}

}  // namespace longshore::tools
