// The one binary: picks the command, runs it, and turns whatever happens into an exit code that scripts can use.

#include <cstdio>
#include <exception>

#include "tools/command.h"

namespace {

// What stands by its place is called by its name alone: REPOSITORY, not REPOSITORY TEXT.
void name_positionals(CLI::App& of) {
  for (CLI::Option* option : of.get_options()) {
    if (option->get_positional()) option->type_name("");
  }
  for (CLI::App* command : of.get_subcommands({})) name_positionals(*command);
}

int run(int argc, char** argv) {
  using namespace longshore::tools;
  CLI::App app("Longshore replicates container registries by their notifications.", "longshore");
  app.require_subcommand(1);
  app.set_version_flag("--version", "longshore " LONGSHORE_VERSION);
  app.footer("Each command has a --help of its own, with an example.");
  invocation call;
  add_serve_command(app, call);
  add_status_commands(app, call);
  add_verify_command(app, call);
  add_items_command(app, call);
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
