#pragma once

// What every command of `longshore` has in common: its options, its exit codes, how it speaks to people and
// scripts.
//
// A command registers itself with add_*_commands() and, when it is the one asked for, is run once after the
// arguments were parsed; it returns its exit code. Results go to standard output (with --json as one JSON
// value, or one per line where the answer is a stream), everything else to standard error. A failure is
// printed once, by failed().

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/spoken.h"
#include "storage/env/result.h"
#include "tools/config.h"

namespace longshore::tools {

enum exit_code : int { exit_done = 0, exit_failed = 1, exit_wrong_usage = 2, exit_partly_done = 3 };

struct invocation {
  std::string config_file;  // --config; empty: LONGSHORE_CONFIG, /etc/longshore/longshore.toml, the environment
  bool json = false;
  std::function<int()> run;  // set by the command that was asked for
};

// A command's entry in `to`, with --config or without, --json, and an example at the end of its help.
enum class needs : std::uint8_t { config, nothing };
CLI::App* add_command(CLI::App& to, invocation& call, const std::string& name, const std::string& what,
                      const std::string& example, needs n);

// For whole numbers that the parser would otherwise take around the end of their range. Says what is wrong, or nothing.
std::string not_negative(const std::string& text);

// The configuration that the invocation names; its warnings go to standard error.
result<config> configured(const invocation& call);

// Prints the failure (JSON with --json) and returns exit_failed.
int failed(const invocation& call, const error& e);

// Columns as wide as their widest cell; cells of the last one are not padded.
void print_table(const std::vector<std::vector<std::string>>& rows);

using api::counted;
using api::with_commas;

// A line that keeps changing, on a terminal only; gone when it is destroyed.
class progress_line {
 public:
  explicit progress_line(std::string what, std::string unit = "records");
  ~progress_line();
  progress_line(const progress_line&) = delete;
  progress_line& operator=(const progress_line&) = delete;
  void operator()(std::uint64_t done, std::uint64_t of);
  // For other lines to be printed; shown again by the next call.
  void clear();

 private:
  std::string what_, unit_;
  bool shown_ = false;
  bool terminal_;
};

void add_serve_command(CLI::App& app, invocation& call);
void add_status_commands(CLI::App& app, invocation& call);
void add_verify_command(CLI::App& app, invocation& call);
void add_items_command(CLI::App& app, invocation& call);
void add_forget_site_command(CLI::App& app, invocation& call);
void add_action_commands(CLI::App& app, invocation& call);
void add_limits_command(CLI::App& app, invocation& call);
void add_log_commands(CLI::App& app, invocation& call);
// Those of them that read a data directory; `log` is their parent.
void add_offline_log_commands(CLI::App& log, invocation& call);
void add_audit_commands(CLI::App& app, invocation& call);
void add_reconcile_command(CLI::App& app, invocation& call);
void add_rebuild_command(CLI::App& app, invocation& call);
void add_copy_commands(CLI::App& app, invocation& call);
void add_doctor_command(CLI::App& app, invocation& call);

}  // namespace longshore::tools
