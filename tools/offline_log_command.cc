// longshore log verify, log export: the log of a data directory that is not in use.

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "log/verifier.h"
#include "tools/command.h"
#include "tools/offline.h"

namespace longshore::tools {

namespace {

struct verify_options {
  std::string dir;
  std::optional<std::uint64_t> size;
};

struct verified_log {
  std::string name;
  log::verification found;
};

int verify(const invocation& call, const verify_options& options) {
  result<site_store> store = open_site_store(options.dir, store_access::read_only);
  if (!store) return failed(call, store.error());
  std::vector<verified_log> logs;
  bool sound = true;
  for (const char* name : {replicated_log, journal_log}) {
    // The journal is this site's alone: there is none to compare it with.
    const auto size = name == replicated_log ? options.size : std::nullopt;
    progress_line progress(std::string("verifying ") + name);
    auto found = log::verify(*store->db, name, [&](std::uint64_t done) { progress(done, 0); }, size);
    if (!found) return failed(call, {found.error().code, damage_in(found.error().text)});
    if (size && !found->bad && !found->root_at) {
      return failed(call, {errc::not_found, "there is no root over the first " + with_commas(*size) +
                                                " records: the log has " + with_commas(found->size) +
                                                "; give the smaller of the sizes of the two logs to compare"});
    }
    sound = sound && !found->bad;
    logs.push_back({name, std::move(*found)});
  }
  boost::json::array list;
  for (const verified_log& one : logs) {
    const log::verification& v = one.found;
    if (call.json) {
      boost::json::value bad;
      if (v.bad) bad = boost::json::object{{"seq", v.bad->seq.value}, {"what", damage_in(v.bad->what)}};
      boost::json::object shown{
          {"log", one.name}, {"sound", v.size}, {"root", to_hex(v.root)}, {"bad", std::move(bad)}};
      if (v.root_at) shown.emplace("at", boost::json::object{{"size", *options.size}, {"root", to_hex(*v.root_at)}});
      list.push_back(std::move(shown));
      continue;
    }
    std::printf("%-8s %s records sound, root %s\n", one.name.c_str(), with_commas(v.size).c_str(),
                to_hex(v.root).c_str());
    if (v.root_at) {
      std::printf("%-8s the first %s records, root %s\n", one.name.c_str(), with_commas(*options.size).c_str(),
                  to_hex(*v.root_at).c_str());
    }
    if (v.bad) {
      std::printf("%-8s BAD record %llu: %s\n", one.name.c_str(), static_cast<unsigned long long>(v.bad->seq.value),
                  damage_in(v.bad->what).c_str());
    }
  }
  if (call.json) {
    const boost::json::object answer{{"verified", sound}, {"logs", std::move(list)}};
    std::printf("%s\n", boost::json::serialize(answer).c_str());
  } else if (!sound) {
    std::fprintf(
        stderr,
        "longshore: records are damaged, or what is kept of them beside: those before the one that is named are "
        "sound, and longshore log export --to SEQ writes them. Restore the directory from a copy of it; a secondary "
        "may begin "
        "anew with an empty one instead\n");
  }
  return sound ? exit_done : exit_failed;
}

struct export_options {
  std::string dir, output;
  bool journal = false;
  export_range range;
};

struct close_file {
  void operator()(std::FILE* f) const { std::fclose(f); }
};

int export_log(const invocation& call, const export_options& options) {
  if (options.range.to < options.range.from) {
    std::fprintf(stderr, "longshore: --to is the seq to stop before, and lies before --from\n");
    return exit_wrong_usage;
  }
  result<site_store> store = open_site_store(options.dir, store_access::read_only);
  if (!store) return failed(call, store.error());
  auto log = log::event_log::open(*store->db, options.journal ? journal_log : replicated_log);
  if (!log) return failed(call, of_damaged_log(log.error(), options.dir));
  // Up to the end is nothing new; beyond it is another log, or a mistake.
  if (const std::uint64_t size = (*log)->durable_size(); options.range.from > size) {
    return failed(call, {errc::not_found, "there is no record " + std::to_string(options.range.from) +
                                              " yet: the log has " + with_commas(size)});
  }
  std::unique_ptr<std::FILE, close_file> file;
  std::FILE* out = stdout;
  if (!options.output.empty()) {
    file.reset(std::fopen(options.output.c_str(), "wb"));
    if (!file) {
      return failed(call, {errc::io_failed, "cannot write " + options.output + ": " + std::strerror(errno)});
    }
    out = file.get();
  }
  const auto write_failed = [&] {
    return fail(errc::io_failed, std::string("writing the records failed: ") + std::strerror(errno));
  };
  std::uint64_t lines = 0;
  progress_line progress("exporting");
  auto written = export_records(
      **log, options.range,
      [&](std::string_view line) -> result<void> {
        if (std::fwrite(line.data(), 1, line.size(), out) != line.size() || std::fputc('\n', out) == EOF) {
          return write_failed();
        }
        ++lines;
        return {};
      },
      std::ref(progress));
  if (written && std::fflush(out) != 0) written = write_failed();
  if (written) return exit_done;
  std::fprintf(stderr, "longshore: %s\n", of_damaged_log(written.error(), options.dir).text.c_str());
  return lines > 0 ? exit_partly_done : exit_failed;
}

}  // namespace

void add_offline_log_commands(CLI::App& log, invocation& call) {
  CLI::App* command = add_command(log, call, "verify", "Re-read the logs of a stopped site, believing nothing",
                                  "longshore log verify /var/lib/longshore", needs::nothing);
  auto verifying = std::make_shared<verify_options>();
  command->add_option("DIR", verifying->dir, "Data directory of a site that is not running")->required();
  command
      ->add_option("--size", verifying->size,
                   "Print the root over so many first records of the log, too: the same at two sites means the same "
                   "records")
      ->check(not_negative);
  command->callback([&call, verifying] { call.run = [&call, verifying] { return verify(call, *verifying); }; });

  command = add_command(log, call, "export", "Write the records of a stopped site as NDJSON",
                        "longshore log export /var/lib/longshore --from 1000 -o records.ndjson", needs::nothing);
  auto exporting = std::make_shared<export_options>();
  command->add_option("DIR", exporting->dir, "Data directory of a site that is not running")->required();
  command->add_option("-o,--output", exporting->output, "File to write; default: standard output");
  command->add_option("--from", exporting->range.from, "First seq")->check(not_negative);
  command->add_option("--to", exporting->range.to, "The seq to stop before")->check(not_negative);
  command->add_flag(
      "--journal", exporting->journal,
      "The site's own journal instead of the replicated log; it holds the keys of open uploads, keep it private");
  command->callback([&call, exporting] { call.run = [&call, exporting] { return export_log(call, *exporting); }; });
}

}  // namespace longshore::tools
