// longshore log tail, log show: the log of a running site.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "tools/json_text.h"
#include "tools/offline.h"
#include "tools/online_log.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;
constexpr int poll_s = 20;

struct tail_options {
  online_options online;
  std::optional<std::uint64_t> lines, after;
  bool follow = false;
};

int tail(const invocation& call, const tail_options& options) {
  if (options.follow && options.lines && options.after) {
    std::fprintf(stderr, "longshore: --follow begins with --lines of the newest records, or --after a seq, not both\n");
    return exit_wrong_usage;
  }
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  const auto size = log_size(*site);
  if (!size) return failed(call, {size.error().code, site->url + ": " + size.error().text});
  const auto span = tail_span(*size, options.lines, options.after);
  if (!span) return failed(call, span.error());
  const std::uint64_t end = span->end;
  std::uint64_t next = span->first;
  while (options.follow || next < end) {
    const std::uint64_t before = next;
    const auto read =
        read_log(*site, next, options.follow ? poll_s : 0, [&](const json::object& record, std::string_view text) {
          if (call.json)
            std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
          else
            std::printf("%s\n", record_line(record).c_str());
          return std::fflush(stdout) == 0 && (options.follow || next < end);
        });
    if (!read) return failed(call, read.error());
    if (std::ferror(stdout) != 0) return exit_done;  // whoever read the output has gone
    if (!options.follow && next == before) break;
  }
  return exit_done;
}

struct show_options {
  online_options online;
  std::uint64_t seq = 0;
  std::string dir;
};

int print_record(const invocation& call, std::string_view text) {
  boost::system::error_code ec;
  const json::value record = json::parse(text, ec);
  if (call.json || ec)
    std::printf("%.*s\n", static_cast<int>(text.size()), text.data());
  else
    std::printf("%s", record.is_object() ? record_text(record.as_object()).c_str() : to_text(record).c_str());
  return exit_done;
}

int show_offline(const invocation& call, const show_options& options) {
  result<site_store> store = open_site_store(options.dir, store_access::read_only);
  if (!store) return failed(call, store.error());
  auto log = log::event_log::open(*store->db, replicated_log);
  if (!log) return failed(call, of_damaged_log(log.error(), options.dir));
  const auto record = (*log)->record({options.seq});
  if (!record) return failed(call, of_damaged_log(record.error(), options.dir));
  const auto e = log::decode(*record);
  if (!e) return failed(call, of_damaged_log(e.error(), options.dir));
  return print_record(call, log::to_json(*e));
}

int show(const invocation& call, const show_options& options) {
  if (!options.dir.empty()) return show_offline(call, options);
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  const auto size = log_size(*site);
  if (!size) return failed(call, {size.error().code, site->url + ": " + size.error().text});
  if (options.seq >= *size) {
    return failed(call, {errc::not_found, "there is no record " + std::to_string(options.seq) + " yet: the log has " +
                                              with_commas(*size)});
  }
  std::optional<std::string> found;
  std::uint64_t next = options.seq;
  const auto read = read_log(*site, next, 0, [&](const json::object&, std::string_view text) {
    if (next == options.seq + 1) found = std::string(text);
    return false;
  });
  if (!read) return failed(call, read.error());
  if (found) return print_record(call, *found);
  return failed(call, {errc::not_found, "there is no record " + std::to_string(options.seq) + " any more"});
}

}  // namespace

void add_log_commands(CLI::App& app, invocation& call) {
  CLI::App* log = app.add_subcommand("log", "Read, verify and export the log");
  log->require_subcommand(1);
  CLI::App* command = add_command(*log, call, "tail", "The newest records of a running site",
                                  "longshore log tail --follow", needs::config);
  auto tailed = std::make_shared<tail_options>();
  add_online_options(*command, tailed->online);
  command
      ->add_option("-n,--lines", tailed->lines,
                   "How many of the newest to begin with (default: 10); with --after: at most so many")
      ->check(not_negative);
  command->add_option("--after", tailed->after, "Begin after this seq instead of with the newest")->check(not_negative);
  command->add_flag("-f,--follow", tailed->follow, "Wait for more, until interrupted");
  command->callback([&call, tailed] { call.run = [&call, tailed] { return tail(call, *tailed); }; });

  command =
      add_command(*log, call, "show", "One record, with all its fields", "longshore log show 1234", needs::config);
  auto shown = std::make_shared<show_options>();
  add_online_options(*command, shown->online);
  command->add_option("SEQ", shown->seq, "Its seq")->required()->check(not_negative);
  command->add_option("--dir", shown->dir, "Data directory of a stopped site, instead of asking a running one");
  command->callback([&call, shown] { call.run = [&call, shown] { return show(call, *shown); }; });

  add_offline_log_commands(*log, call);
}

}  // namespace longshore::tools
