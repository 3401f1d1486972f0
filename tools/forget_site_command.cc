// longshore forget-site: a secondary that follows no more is taken off the primary's list.

#include <cstdio>
#include <memory>

#include "api/url.h"
#include "tools/online.h"

namespace longshore::tools {
namespace {

struct forget_options {
  online_options online;
  std::string site;
};

int forget(const invocation& call, const forget_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  const std::string target = "/v1/sites/" + api::escape(options.site);
  const auto answer = site->client->ask(site->question("DELETE", target));
  if (!answer || !answer->ok() || call.json) return print_answer(call, answer, site->url + target);
  std::printf("%s is shown no more; should it report again, it is\n", options.site.c_str());
  return exit_done;
}

}  // namespace

void add_forget_site_command(CLI::App& app, invocation& call) {
  CLI::App* command =
      add_command(app, call, "forget-site", "Take a secondary that follows no more off a primary's list",
                  "longshore forget-site oslo", needs::config);
  auto options = std::make_shared<forget_options>();
  add_online_options(*command, options->online);
  command->add_option("SITE", options->site, "Its name, as longshore status --sites shows it")->required();
  command->callback([&call, options] { call.run = [&call, options] { return forget(call, *options); }; });
}

}  // namespace longshore::tools
