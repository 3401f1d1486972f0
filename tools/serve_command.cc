// longshore serve: runs a site until it is told to stop.

#include "tools/command.h"
#include "tools/site.h"

namespace longshore::tools {

void add_serve_command(CLI::App& app, invocation& call) {
  CLI::App* command = add_command(app, call, "serve", "Run a site until SIGTERM or SIGINT",
                                  "longshore serve --config /etc/longshore/longshore.toml", needs::config);
  command->callback([&call] {
    call.run = [&call] {
      const result<config> c = configured(call);
      return c ? run_site(*c) : failed(call, c.error());
    };
  });
}

}  // namespace longshore::tools
