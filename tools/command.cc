#include "tools/command.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

namespace longshore::tools {

CLI::App* add_command(CLI::App& to, invocation& call, const std::string& name, const std::string& what,
                      const std::string& example, needs n) {
  CLI::App* command = to.add_subcommand(name, what);
  command->footer("Example:\n  " + example + "\n\nExit codes: 0 done, 1 failed, 2 wrong usage, 3 partly done.");
  command->add_flag("--json", call.json, "Print JSON, for scripts");
  if (n == needs::config) {
    command->add_option("-c,--config", call.config_file,
                        "Configuration file (else $LONGSHORE_CONFIG, /etc/longshore/longshore.toml, or the "
                        "environment alone)");
  }
  return command;
}

std::string not_negative(const std::string& text) {
  return text.starts_with('-') ? text + " is below 0" : std::string();
}

result<config> configured(const invocation& call) {
  std::filesystem::path file = call.config_file;
  if (file.empty()) {
    const char* named = std::getenv("LONGSHORE_CONFIG");
    std::error_code ec;
    if (named != nullptr && *named != '\0')
      file = named;
    else if (std::filesystem::exists("/etc/longshore/longshore.toml", ec))
      file = "/etc/longshore/longshore.toml";
  }
  result<config> c = load_config(file, process_environment());
  if (!c) {
    if (file.empty()) return pass(std::move(c), "no configuration file is given (--config FILE), and");
    return c;
  }
  for (const std::string& warning : c->warnings) std::fprintf(stderr, "longshore: warning: %s\n", warning.c_str());
  return c;
}

int failed(const invocation& call, const error& e) {
  if (call.json) {
    const boost::json::object one{{"code", name_of(e.code)}, {"message", e.text}, {"detail", nullptr}};
    std::printf("%s\n", boost::json::serialize(boost::json::object{{"errors", boost::json::array{one}}}).c_str());
  }
  std::fprintf(stderr, "longshore: %s\n", e.text.c_str());
  return exit_failed;
}

void print_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    std::printf("%s\n", line.c_str());
  }
}

progress_line::progress_line(std::string what, std::string unit)
    : what_(std::move(what)), unit_(std::move(unit)), terminal_(::isatty(STDERR_FILENO) == 1) {}

progress_line::~progress_line() { clear(); }

void progress_line::clear() {
  if (std::exchange(shown_, false)) std::fprintf(stderr, "\r\033[K");
}

void progress_line::operator()(std::uint64_t done, std::uint64_t of) {
  if (!terminal_) return;
  shown_ = true;
  const std::string total = of == 0 ? std::string() : " of " + with_commas(of);
  std::fprintf(stderr, "\r\033[K%s: %s%s %s", what_.c_str(), with_commas(done).c_str(), total.c_str(), unit_.c_str());
}

}  // namespace longshore::tools
