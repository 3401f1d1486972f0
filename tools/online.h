#pragma once

// What the commands that ask a running site share: where it is, the token, and how much log it has.

#include <CLI/CLI.hpp>
#include <boost/json/fwd.hpp>
#include <memory>
#include <string>

#include "tools/command.h"
#include "tools/site_client.h"

namespace longshore::tools {

struct online_options {
  std::string url;      // --url; empty: as configured
  std::string ca_file;  // --ca-file
};
void add_online_options(CLI::App& command, online_options& options);

struct online_site {
  config settings;
  std::string url;
  std::string ca_file;
  std::unique_ptr<site_client> client;

  // A question with the admin token.
  site_question question(std::string method, std::string target) const;
};
result<online_site> reach(const invocation& call, const online_options& options);
// What the site answers there; null where it does not answer well.
boost::json::value asked(const online_site& site, const std::string& target);

// Records in the site's log now.
result<std::uint64_t> log_size(const online_site& site);

// Prints a successful JSON answer, as text or as it came; or the refusal. Returns the exit code.
int print_answer(const invocation& call, const result<site_answer>& answer, const std::string& doing);

}  // namespace longshore::tools
