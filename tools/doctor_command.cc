// longshore doctor: every check in turn, and what to do about those that fail.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "tools/doctor.h"
#include "tools/online.h"

namespace longshore::tools {

namespace {

struct doctor_options {
  online_options online;
  std::string push_to{probe_repository};
};

void print(const checked& one) {
  std::printf("%-10s %s: %s\n", std::string(name_of(one.found)).c_str(), one.what.c_str(), one.text.c_str());
  if (one.found != verdict::good && !one.remedy.empty()) std::printf("%-10s   -> %s\n", "", one.remedy.c_str());
  std::fflush(stdout);
}

// 0 all good, 3 something deserves attention, 1 something does not work.
int doctor(const invocation& call, const doctor_options& options) {
  std::vector<checked> all;
  const auto told = [&](const checked& one) {
    all.push_back(one);
    if (!call.json) print(one);
  };
  result<config> c = configured(call);
  if (!c) {
    told({"configuration", verdict::bad, c.error().text, "correct it; README.md has examples to paste"});
  } else {
    result<std::string> url = options.online.url.empty() ? own_url(*c) : result<std::string>(options.online.url);
    if (!url) return failed(call, url.error());
    const std::string& ca_file = options.online.ca_file;
    run_checks(*c, {*url, ca_file.empty() ? c->listen.ca_file.string() : ca_file, options.push_to}, told);
  }
  int code = exit_done;
  boost::json::array list;
  for (const checked& one : all) {
    if (one.found == verdict::bad)
      code = exit_failed;
    else if (one.found == verdict::attention && code == exit_done)
      code = exit_partly_done;
    list.push_back(boost::json::object{
        {"check", one.what}, {"result", std::string(name_of(one.found))}, {"text", one.text}, {"remedy", one.remedy}});
  }
  if (call.json) {
    const boost::json::object answer{{"healthy", code != exit_failed}, {"checks", std::move(list)}};
    std::printf("%s\n", boost::json::serialize(answer).c_str());
  }
  return code;
}

}  // namespace

void add_doctor_command(CLI::App& app, invocation& call) {
  CLI::App* command =
      add_command(app, call, "doctor", "Check configuration, disk, registries, tokens and the way of a notification",
                  "longshore doctor --config /etc/longshore/longshore.toml", needs::config);
  auto options = std::make_shared<doctor_options>();
  add_online_options(*command, options->online);
  command
      ->add_option("--push-to", options->push_to,
                   "Repository of the target that a push is tried in; nothing stays there")
      ->capture_default_str();
  command->callback([&call, options] { call.run = [&call, options] { return doctor(call, *options); }; });
}

}  // namespace longshore::tools
