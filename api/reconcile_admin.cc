#include "api/reconcile_admin.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <set>

#include "api/gap_json.h"
#include "engine/glob.h"
#include "engine/reference.h"

namespace longshore::api {

namespace json = boost::json;
namespace asio = boost::asio;

namespace {

constexpr std::size_t repositories_max = 1'000;
constexpr std::size_t pattern_bytes_max = 512;
constexpr std::size_t body_bytes_max = 512u << 10;

std::unexpected<error> refuse(const std::string& why) {
  return fail(errc::invalid, why +
                                 "; expected {\"source\":NAME,\"repositories\":[NAMES],\"mode\":\"tags\"|\"digests\"}, "
                                 "each of which may be left out");
}

result<void> take(reconcile_question& q, std::string_view key, const json::value& v) {
  if (key == "source" && v.is_string()) {
    q.source = std::string(v.get_string());
    return {};
  }
  if (key == "mode" && v.is_string()) {
    const std::string_view word(v.get_string());
    if (word == "digests") q.mode = engine::reconcile_mode::digests;
    if (word == "digests" || word == "tags") return {};
    return refuse("mode is \"tags\" or \"digests\"");
  }
  if (key == "repositories" && v.is_array()) {
    const json::array& all = v.get_array();
    if (all.size() > repositories_max) return refuse("more than 1000 repositories: leave them out to mean all");
    for (const json::value& name : all) {
      const std::string_view word = name.is_string() ? std::string_view(name.get_string()) : std::string_view();
      const bool is_pattern = word.find_first_of("*?") != std::string_view::npos && word.size() <= pattern_bytes_max;
      if (!is_pattern && !engine::is_repository_name(word)) {
        return refuse("repositories is a list of repositories' names and patterns");
      }
      (is_pattern ? q.patterns : q.repositories).emplace_back(word);
    }
    return {};
  }
  return refuse("\"" + printable(key) + "\" is not understood");
}

}  // namespace

result<reconcile_question> parse_reconcile_question(std::string_view body) {
  reconcile_question q;
  if (body.empty()) return q;
  boost::system::error_code ec;
  const json::value given = json::parse({body.data(), body.size()}, ec);
  if (ec || !given.is_object()) return refuse("the body is not a JSON object");
  for (const auto& [key, value] : given.get_object()) {
    if (auto taken = take(q, {key.data(), key.size()}, value); !taken) return pass(std::move(taken));
  }
  return q;
}

void reconcile_admin::mount(router& to) {
  const auto add = [&](const char* method, handler handle) {
    route r;
    r.method = method;
    r.pattern = "/v1/reconcile";
    r.handle = std::move(handle);
    r.admit = [this](request& q) -> std::optional<answer> {
      if (world_.admins.find(q.header("Authorization"))) return std::nullopt;
      return unauthorized("the administrator's token");
    };
    r.body_bytes_max = body_bytes_max;
    to.add(std::move(r));
  };
  add("POST", [this](exchange& x) -> asio::awaitable<void> {
    auto begun = co_await begin(x.asked());
    x.reply(begun ? *std::move(begun) : refusal(begun.error()));
  });
  add("GET", [this](exchange& x) -> asio::awaitable<void> {
    json::array sources;
    for (const engine::reconciler_status& s : world_.status()) sources.push_back(json_of(s));
    x.reply(json_answer(json::serialize(json::object{{"sources", std::move(sources)}}) + "\n"));
    co_return;
  });
}

result<known_names> known_to(const engine::desired& wanted, const reconcile_question& q) {
  known_names out;
  std::set<std::string> used;
  std::set<std::string> strange(q.repositories.begin(), q.repositories.end());
  auto read = wanted.repositories([&](const engine::desired_repository& r) {
    strange.erase(r.name);
    bool matches = false;
    for (const std::string& pattern : q.patterns) {
      if (!engine::matches(pattern, r.name)) continue;
      matches = true;
      used.insert(pattern);
    }
    if (matches) out.matched.push_back(r.name);
    return true;
  });
  if (!read) return pass(std::move(read));
  std::ranges::copy_if(q.patterns, std::back_inserter(out.unmatched),
                       [&](const std::string& pattern) { return !used.contains(pattern); });
  out.not_in_log.assign(strange.begin(), strange.end());
  return out;
}

engine::task<answer> reconcile_admin::begin(request r) {
  auto q = parse_reconcile_question(r.body);
  if (!q) co_return pass(std::move(q));
  if (world_.sources.empty()) {
    co_return fail(errc::conflict,
                   "this site has no source registry to look at: on the primary, give the [[source]] a registry.url");
  }
  auto names = co_await world_.pool.run([&] { return known_to(world_.wanted, *q); });
  if (!names) co_return pass(std::move(names));
  if (q->repositories.empty() && !q->patterns.empty() && names->matched.empty()) {
    co_return fail(errc::not_found, "the log knows no repository like " + printable(q->patterns.front()) +
                                        "; give the name of one that it is to learn of");
  }
  const bool known = std::ranges::any_of(world_.sources, [&](const auto* s) { return s->source() == q->source; });
  if (!q->source.empty() && !known) {
    co_return fail(errc::not_found, "no source named " + printable(q->source) + " has a registry to look at");
  }
  // Whose repository it is must be clear before its loss is believed.
  const bool one = !q->source.empty() || world_.sources.size() == 1;
  if (!one) names->matched.insert(names->matched.end(), q->repositories.begin(), q->repositories.end());
  json::array runs;
  for (engine::reconciler* s : world_.sources) {
    if (!q->source.empty() && s->source() != q->source) continue;
    const std::string run =
        s->request(q->mode, one ? q->repositories : std::vector<std::string>(), "asked", names->matched);
    runs.push_back(json::object{{"source", s->source()}, {"run", run}});
  }
  const auto list = [](const std::vector<std::string>& all) { return json::array(all.begin(), all.end()); };
  co_return json_answer(
      json::serialize(json::object{{"runs", std::move(runs)},
                                   {"unmatched", list(names->unmatched)},
                                   {"not_in_log", list(names->not_in_log)},
                                   {"taken_up_after_restart", q->repositories.empty() && q->patterns.empty()}}) +
          "\n",
      202);
}

}  // namespace longshore::api
