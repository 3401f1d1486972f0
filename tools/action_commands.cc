// longshore skip, unpark, retry; and sync by pattern: what an operator asks of many repositories at once.

#include "tools/action_commands.h"

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

namespace longshore::tools {

namespace {

namespace json = boost::json;

struct action_options {
  online_options online;
  std::vector<std::string> targets;
  std::string reason;
};

struct action_kind {
  const char* action;
  bool by_item;         // REPOSITORY[:TAG-PATTERN|@DIGEST]
  const char* nothing;  // what to say when there is nothing to do
};

// Neither names of repositories nor globs over them have a colon or an at-sign.
action_target target_of(const std::string& text, bool by_item) {
  const std::size_t end = by_item ? text.find_first_of(":@") : std::string::npos;
  if (end == std::string::npos) return {text, {}, {}};
  const std::string rest = text.substr(end + 1);
  return text[end] == '@' ? action_target{text.substr(0, end), {}, rest} : action_target{text.substr(0, end), rest, {}};
}

int act(const invocation& call, const action_options& options, const action_kind& kind) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  std::size_t done = 0;
  for (const std::string& target : options.targets) {
    const auto items = ask_action(call, *site, kind.action, target_of(target, kind.by_item), options.reason);
    if (!items) {
      failed(call, items.error());
    } else if (*items == 0) {
      failed(call, {errc::not_found, target + ": " + kind.nothing});
    } else {
      ++done;
    }
  }
  if (done == options.targets.size()) return exit_done;
  return done == 0 ? exit_failed : exit_partly_done;
}

void add_action(CLI::App& app, invocation& call, const std::string& what, const std::string& example,
                const action_kind& kind) {
  CLI::App* command = add_command(app, call, kind.action, what, example, needs::config);
  auto options = std::make_shared<action_options>();
  add_online_options(*command, options->online);
  command
      ->add_option("REPOSITORY", options->targets,
                   kind.by_item
                       ? "Names or globs; after a colon a tag, a glob, regex:... or semver:...; or after @ a digest"
                       : "Names or globs; ** is every repository")
      ->required();
  if (kind.action == std::string_view("skip")) {
    command->add_option("--reason", options->reason, "Why; shown wherever the skip is")->required();
  }
  command->callback(
      [&call, options, kind] { call.run = [&call, options, kind] { return act(call, *options, kind); }; });
}

}  // namespace

bool is_pattern(const std::string& repository) { return repository.find_first_of("*?") != std::string::npos; }

result<std::uint64_t> ask_action(const invocation& call, const online_site& site, const std::string& action,
                                 const action_target& target, const std::string& reason) {
  const std::string& repository = target.repository;
  json::object body{{"action", action}, {"repositories", json::array{json::string(repository)}}};
  if (!target.tag.empty()) body.emplace("tags", json::array{json::string(target.tag)});
  if (!target.digest.empty()) body.emplace("digests", json::array{json::string(target.digest)});
  if (!reason.empty()) body.emplace("reason", reason);
  site_question question = site.question("POST", "/v1/actions");
  question.content_type = "application/json";
  question.body = json::serialize(body);
  const auto answer = site.client->ask(std::move(question));
  if (!answer) return fail(answer.error().code, site.url + "/v1/actions: " + answer.error().text);
  if (!answer->ok()) return std::unexpected(refusal(*answer, repository));
  boost::system::error_code ec;
  const json::value said = json::parse(answer->body, ec);
  const json::value* items = ec ? nullptr : said.find_pointer("/items", ec);
  const json::value* repositories = ec ? nullptr : said.find_pointer("/repositories", ec);
  if (items == nullptr || repositories == nullptr || !items->is_int64() || !repositories->is_int64()) {
    return fail(errc::corrupt, site.url + "/v1/actions did not answer with counts");
  }
  const auto count = static_cast<std::uint64_t>(items->get_int64());
  if (call.json) {
    std::printf("%s", answer->body.c_str());
  } else if (count > 0) {
    const bool by_item = action == "skip" || action == "unpark";
    const std::string things = by_item ? counted(count, "item") : counted(count, "repository", "repositories");
    const std::string command = action == "resync" ? "sync" : action;
    std::printf("%s: %s asked for %s\n", repository.c_str(), command.c_str(), things.c_str());
  }
  return count;
}

void add_action_commands(CLI::App& app, invocation& call) {
  add_action(
      app, call,
      "Leave open items out (pending, failed or parked) until a newer event speaks of them, or unpark or sync asks "
      "for them; a tag's manifest is an item of its own, REPOSITORY@DIGEST",
      "longshore skip team/app:v1.2 --reason \"layer lost at the source\"",
      {"skip", true,
       "nothing is open there that matches; what stands at the target already is not skipped, nor removed"});
  add_action(app, call, "Try again what is parked, or was skipped on request", "longshore unpark 'team/*:v1*'",
             {"unpark", true, "nothing is parked or skipped there that matches"});
  add_action(app, call, "Try repositories that wait for a retry now", "longshore retry 'team/*'",
             {"retry", false, "nothing waits for a retry there"});
}

}  // namespace longshore::tools
