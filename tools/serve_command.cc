// longshore serve: runs a site until it is told to stop.

#include <memory>

#include "tools/command.h"
#include "tools/site.h"

namespace longshore::tools {

void add_serve_command(CLI::App& app, invocation& call) {
  CLI::App* command = add_command(app, call, "serve", "Run a site until SIGTERM or SIGINT",
                                  "longshore serve --config /etc/longshore/longshore.toml", needs::config);
  auto renewed = std::make_shared<bool>(false);
  command->add_flag("--new-target", *renewed,
                    "Once: [target_registry] is another registry than before, or was emptied. All repositories are "
                    "compared with it, and what it lacks is brought");
  command->callback([&call, renewed] {
    call.run = [&call, renewed] {
      const result<config> c = configured(call);
      if (!c) return failed(call, c.error());
      return run_site(*c, *renewed ? target_trust::renewed : target_trust::journaled);
    };
  });
}

}  // namespace longshore::tools
