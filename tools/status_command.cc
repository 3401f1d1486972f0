// longshore status, longshore sync: a running site's state, and asking it to bring a repository to it again.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "api/url.h"
#include "tools/json_text.h"
#include "tools/online.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

struct status_options {
  online_options online;
  std::string repository, state;
  bool repositories = false, sites = false, quarantine = false;
};

std::string target_of(const status_options& options) {
  if (!options.repository.empty()) return "/v1/repositories/" + api::escape_path(options.repository);
  if (options.sites) return "/v1/sites";
  if (options.quarantine) return "/v1/quarantine";
  if (!options.state.empty()) return "/v1/repositories?state=" + api::escape(options.state);
  return options.repositories ? "/v1/repositories" : "/v1/status";
}

int status(const invocation& call, const status_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  const std::string target = target_of(options);
  return print_answer(call, site->client->ask(site->question("GET", target)), site->url + target);
}

struct sync_options {
  online_options online;
  std::vector<std::string> repositories;
};

// Each repository is asked for by itself: one that is unknown does not keep the others from being synced.
int sync(const invocation& call, const sync_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  std::size_t asked = 0;
  for (const std::string& repository : options.repositories) {
    const std::string target = "/v1/repositories/" + api::escape_path(repository) + "/sync";
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
                                  "longshore status --state failed", needs::config);
  auto shown = std::make_shared<status_options>();
  add_online_options(*command, shown->online);
  command->add_option("REPOSITORY", shown->repository, "One repository with its items");
  command->add_flag("--repositories", shown->repositories, "All repositories");
  command->add_option("--state", shown->state, "Repositories in this state")
      ->check(CLI::IsMember({"pending", "started", "synced", "failed"}));
  command->add_flag("--sites", shown->sites, "The sites that follow, and their positions");
  command->add_flag("--quarantine", shown->quarantine, "Notifications that could not be understood");
  command->callback([&call, shown] { call.run = [&call, shown] { return status(call, *shown); }; });

  command = add_command(app, call, "sync", "Bring repositories to the state of the source again, from scratch",
                        "longshore sync team/app team/base", needs::config);
  auto synced = std::make_shared<sync_options>();
  add_online_options(*command, synced->online);
  command->add_option("REPOSITORY", synced->repositories, "Repositories")->required();
  command->callback([&call, synced] { call.run = [&call, synced] { return sync(call, *synced); }; });
}

}  // namespace longshore::tools
