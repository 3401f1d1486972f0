// longshore status, longshore sync: a running site's state, and asking it to bring a repository to it again.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "api/url.h"
#include "tools/action_commands.h"
#include "tools/online.h"
#include "tools/status_text.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

struct status_options {
  online_options online;
  std::string repository, state;
  bool repositories = false, sites = false, quarantine = false, all = false, check = false;
};

std::string target_of(const status_options& options) {
  if (!options.repository.empty()) return "/v1/repositories/" + api::escape_path(options.repository);
  if (options.sites) return "/v1/sites";
  if (options.quarantine) return "/v1/quarantine";
  return "/v1/status";
}

// The listing comes in pages; people and scripts want all of it.
int list_repositories(const invocation& call, const online_site& site, const std::string& state) {
  json::array all;
  std::string last;
  for (;;) {
    std::string target = "/v1/repositories?limit=1000&state=" + api::escape(state) + "&last=" + api::escape(last);
    const auto answer = site.client->ask(site.question("GET", target));
    if (!answer || !answer->ok()) return print_answer(call, answer, site.url + "/v1/repositories");
    boost::system::error_code ec;
    json::value body = json::parse(answer->body, ec);
    const json::value* page = ec ? nullptr : body.find_pointer("/repositories", ec);
    if (page == nullptr || !page->is_array()) {
      return failed(call, {errc::corrupt, site.url + "/v1/repositories did not answer with a listing"});
    }
    all.insert(all.end(), page->as_array().begin(), page->as_array().end());
    const json::value* next = body.find_pointer("/next", ec);
    const bool more = next != nullptr && next->is_string() && std::string_view(next->as_string()) > last;
    if (!more) break;
    last = std::string(next->as_string());
  }
  if (call.json)
    std::printf("%s\n", json::serialize(json::object{{"repositories", std::move(all)}}).c_str());
  else
    std::printf("%s", repositories_text(all).c_str());
  return exit_done;
}

// With --check, the exit code says it, too.
int code_of(const json::value& status) {
  const std::string state = state_in(status);
  return state == "well" ? exit_done : state == "attention" ? exit_partly_done : exit_failed;
}

int print_status(const invocation& call, const online_site& site, const status_options& options,
                 const site_answer& answer) {
  boost::system::error_code ec;
  const json::value status = json::parse(answer.body, ec);
  if (ec) return failed(call, {errc::corrupt, site.url + "/v1/status did not answer with a status"});
  if (options.all || call.json) {
    print_answer(call, answer, site.url + "/v1/status");
  } else {
    std::printf("%s", verdict_text(status, asked(site, "/v1/verify")).c_str());
    std::printf("longshore status --all shows everything, --repositories each repository\n");
  }
  return options.check ? code_of(status) : exit_done;
}

int status(const invocation& call, const status_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  if (options.repositories || !options.state.empty()) return list_repositories(call, *site, options.state);
  const std::string target = target_of(options);
  const auto answer = site->client->ask(site->question("GET", target));
  const bool whole_site = options.repository.empty() && !options.sites && !options.quarantine;
  if (whole_site && answer && answer->ok()) return print_status(call, *site, options, *answer);
  return print_answer(call, answer, site->url + target);
}

struct sync_options {
  online_options online;
  std::vector<std::string> repositories;
  bool allow_deletes = false;
};

// Each repository is asked for by itself: one that is unknown does not keep the others from being synced.
int sync(const invocation& call, const sync_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  std::size_t asked = 0;
  for (const std::string& repository : options.repositories) {
    if (is_pattern(repository) && !options.allow_deletes) {
      const auto scheduled = ask_action(call, *site, "resync", {repository, {}, {}}, {});
      if (!scheduled) failed(call, scheduled.error());
      if (scheduled) ++asked;
      continue;
    }
    const std::string target = "/v1/repositories/" + api::escape_path(repository) + "/sync" +
                               (options.allow_deletes ? "?allow_deletes=true" : "");
    const auto answer = site->client->ask(site->question("POST", target));
    if (!answer) return failed(call, {answer.error().code, site->url + target + ": " + answer.error().text});
    if (!answer->ok()) {
      failed(call, refusal(*answer, repository));
      continue;
    }
    ++asked;
    if (call.json)
      std::printf("%s\n", answer->body.c_str());
    else
      std::printf("%s: sync asked for; longshore status %s shows how it goes\n", repository.c_str(),
                  repository.c_str());
  }
  if (asked == options.repositories.size()) return exit_done;
  return asked == 0 ? exit_failed : exit_partly_done;
}

}  // namespace

void add_status_commands(CLI::App& app, invocation& call) {
  CLI::App* command = add_command(app, call, "status", "What a running site holds, and how far it has come",
                                  "longshore status\n  longshore status --check >/dev/null || mail-the-operator\n  "
                                  "longshore status --state troubled",
                                  needs::config);
  auto shown = std::make_shared<status_options>();
  add_online_options(*command, shown->online);
  CLI::Option* one = command->add_option("REPOSITORY", shown->repository, "One repository with its items");
  CLI::Option* check = command->add_flag(
      "--check", shown->check, "Exit with 0 when the site is well, 3 when it wants attention, 1 when it is failing");
  command->add_flag("--all", shown->all, "Everything the site tells of itself, not only how it is");
  CLI::Option* listed = command->add_flag("--repositories", shown->repositories, "All repositories");
  CLI::Option* in_state = command->add_option(
      "--state", shown->state, "Repositories in this state; troubled: in any, with something the matter");
  in_state->check(CLI::IsMember({"pending", "started", "synced", "failed", "skipped", "troubled"}));
  CLI::Option* sites = command->add_flag("--sites", shown->sites, "The sites that follow, and their positions");
  CLI::Option* aside =
      command->add_flag("--quarantine", shown->quarantine, "Notifications that could not be understood");
  for (CLI::Option* other : {one, listed, in_state, sites, aside}) check->excludes(other);
  command->callback([&call, shown] { call.run = [&call, shown] { return status(call, *shown); }; });

  command = add_command(app, call, "sync", "Bring repositories to the state of the source again, from scratch",
                        "longshore sync team/app team/base", needs::config);
  auto synced = std::make_shared<sync_options>();
  add_online_options(*command, synced->online);
  command->add_option("REPOSITORY", synced->repositories, "Names or globs: team/*, **")->required();
  command->add_flag("--allow-deletes", synced->allow_deletes,
                    "Let deletions go on that were held back for being too many");
  command->callback([&call, synced] { call.run = [&call, synced] { return sync(call, *synced); }; });
}

}  // namespace longshore::tools
