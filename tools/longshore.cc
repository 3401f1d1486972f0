// The one binary: picks the command, runs it, and turns whatever happens into an exit code that scripts can use.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command.h"
#include "tools/config_value.h"
#include "tools/site_log.h"

namespace {

// What stands by its place is called by its name alone: REPOSITORY, not REPOSITORY TEXT.
void name_positionals(CLI::App& of) {
  for (CLI::Option* option : of.get_options()) {
    if (option->get_positional()) option->type_name("");
  }
  for (CLI::App* command : of.get_subcommands({})) name_positionals(*command);
}

// The first word that no command has, where one is asked for; with what was probably meant.
std::optional<std::string> unknown_command(const CLI::App& app, int argc, char** argv) {
  const CLI::App* at = &app;
  for (int i = 1; i < argc && at->get_require_subcommand_min() > 0; ++i) {
    const std::string word = argv[i];
    if (word.starts_with('-')) return std::nullopt;
    const CLI::App* next = nullptr;
    std::vector<std::string> names;
    for (const CLI::App* command : at->get_subcommands([](const CLI::App*) { return true; })) {
      if (command->check_name(word)) next = command;
      names.push_back(command->get_name());
    }
    if (next == nullptr) {
      const auto meant = longshore::tools::nearest(word, names);
      return "there is no command '" + word + "'" + (meant ? "; did you mean '" + *meant + "'?" : ";") + " " +
             (at == &app ? "longshore" : "longshore " + at->get_name()) + " --help lists them";
    }
    at = next;
  }
  return std::nullopt;
}

const CLI::App& asked_for(const CLI::App& app) {
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) at = at->get_subcommands().front();
  return *at;
}

std::string full_name(const CLI::App& command) {
  std::string name;
  for (const CLI::App* at = &command; at->get_parent() != nullptr; at = at->get_parent()) {
    name = at->get_name() + (name.empty() ? "" : " ") + name;
  }
  return name;
}

// The first option that the command has not; with what was probably meant: what it begins, or what is nearest.
std::optional<std::string> unknown_option(const CLI::App& command, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string_view(argv[i]).find('='));
    if (!word.starts_with("--") || word.size() == 2 || std::ranges::find(names, word) != names.end()) continue;
    auto meant = std::ranges::find_if(names, [&](const std::string& name) { return name.starts_with(word); });
    const auto near = meant != names.end() ? std::optional(*meant) : longshore::tools::nearest(word, names);
    return full_name(command) + " has no option " + word + (near ? "; did you mean " + *near + "?" : "");
  }
  return std::nullopt;
}

// "Could not convert: SEQ = abc": only numbers can fail so.
std::optional<std::string> unreadable_value(const CLI::App& command, const std::string& said) {
  const std::size_t colon = said.find(": "), equals = said.find(" = ");
  if (colon == std::string::npos || equals == std::string::npos || equals < colon) return std::nullopt;
  const CLI::Option* option = command.get_option_no_throw(said.substr(colon + 2, equals - colon - 2));
  if (option != nullptr && option->get_expected_max() == 0) return std::nullopt;  // a flag takes none at all
  return full_name(command) + ": \"" + said.substr(equals + 3) + "\" is no number, which " +
         said.substr(colon + 2, equals - colon - 2) + " takes";
}

int run(int argc, char** argv) {
  using namespace longshore::tools;
  open_command_log();
  CLI::App app("Longshore replicates container registries by their notifications.", "longshore");
  app.require_subcommand(1);
  app.set_version_flag("--version", "longshore " LONGSHORE_VERSION);
  app.footer("Each command has a --help of its own, with an example.");
  invocation call;
  add_serve_command(app, call);
  add_status_commands(app, call);
  add_verify_command(app, call);
  add_items_command(app, call);
  add_forget_site_command(app, call);
  add_action_commands(app, call);
  add_limits_command(app, call);
  add_log_commands(app, call);
  add_audit_commands(app, call);
  add_reconcile_command(app, call);
  add_rebuild_command(app, call);
  add_copy_commands(app, call);
  add_doctor_command(app, call);
  name_positionals(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (const auto unknown = unknown_command(app, argc, argv)) {
      std::fprintf(stderr, "longshore: %s\n", unknown->c_str());
      return exit_wrong_usage;
    }
    const CLI::App& command = asked_for(app);
    const auto wrong = dynamic_cast<const CLI::ExtrasError*>(&e) != nullptr       ? unknown_option(command, argc, argv)
                       : dynamic_cast<const CLI::ConversionError*>(&e) != nullptr ? unreadable_value(command, e.what())
                                                                                  : std::nullopt;
    if (wrong) {
      std::fprintf(stderr, "longshore: %s; longshore %s --help\n", wrong->c_str(), full_name(command).c_str());
      return exit_wrong_usage;
    }
    return app.exit(e) == 0 ? exit_done : exit_wrong_usage;
  }
  return call.run();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "longshore: %s\n", e.what());
    return longshore::tools::exit_failed;
  }
}
