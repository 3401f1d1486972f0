// longshore audit: the past, answered from a data directory that is not in use.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "tools/command.h"
#include "tools/offline.h"

namespace longshore::tools {

namespace {

struct state_options {
  std::string dir, at, repository;
  bool tombstones = false;
};

boost::json::object json_of(const engine::desired_item& item) {
  boost::json::object one{{"repository", item.repository}, {item.is_tag ? "tag" : "manifest", item.ref},
                          {"digest", item.digest},         {"media_type", item.media_type},
                          {"seq", item.seq.value},         {"gone", item.gone}};
  if (item.occurred.us != 0) one["occurred"] = to_rfc3339(item.occurred);
  return one;
}

void print_state(const state_options& options, std::uint64_t size, const std::vector<engine::desired_item>& items) {
  std::printf("%s after %s records (--at %s)\n", options.dir.c_str(), with_commas(size).c_str(),
              options.at.empty() ? "the end" : options.at.c_str());
  std::vector<std::vector<std::string>> rows{{"REPOSITORY", "TAG", "DIGEST", "SEQ", "OCCURRED"}};
  for (const engine::desired_item& item : items) {
    std::string digest = item.is_tag ? item.digest : item.ref;
    if (item.gone) digest += digest.empty() ? "(gone)" : " (gone)";
    if (digest.empty()) digest = "(not told)";
    rows.push_back({item.repository, item.is_tag ? item.ref : "-", digest, std::to_string(item.seq.value),
                    item.occurred.us == 0 ? "" : to_rfc3339(item.occurred)});
  }
  print_table(rows);
}

int state(const invocation& call, const state_options& options) {
  result<site_store> store = open_site_store(options.dir, store_access::read_only);
  if (!store) return failed(call, store.error());
  result<std::unique_ptr<log::event_log>> log = log::event_log::open(*store->db, replicated_log);
  if (!log) return failed(call, of_damaged_log(log.error(), options.dir));
  std::uint64_t size = (*log)->durable_size();
  if (!options.at.empty()) {
    const result<std::uint64_t> asked = size_for(**log, options.at);
    if (!asked) {
      failed(call, asked.error());
      return asked.error().code == errc::invalid ? exit_wrong_usage : exit_failed;
    }
    size = *asked;
    if (const auto newest = ends_before(**log, options.at)) {
      std::fprintf(stderr, "longshore: the newest record is of %s, before --at: what came after it is not told\n",
                   to_rfc3339(*newest).c_str());
    }
  }
  std::vector<engine::desired_item> items;
  bool is_known = options.repository.empty();
  {
    progress_line progress("folding");
    result<void> folded = state_at(
        **log, size, options.repository,
        [&](const engine::desired_item& item) {
          is_known = true;
          if (!item.gone || options.tombstones) items.push_back(item);
        },
        std::ref(progress));
    if (!folded) return failed(call, of_damaged_log(folded.error(), options.dir));
  }
  if (!is_known) {
    return failed(call, {errc::not_found, "the first " + with_commas(size) + " records name no tag or manifest of " +
                                              options.repository + "; is the name right?"});
  }
  if (!call.json) {
    print_state(options, size, items);
    return exit_done;
  }
  boost::json::array list;
  for (const engine::desired_item& item : items) list.push_back(json_of(item));
  const boost::json::object answer{{"log_identity", (*log)->identity()}, {"size", size}, {"items", std::move(list)}};
  std::printf("%s\n", boost::json::serialize(answer).c_str());
  return exit_done;
}

}  // namespace

void add_audit_commands(CLI::App& app, invocation& call) {
  CLI::App* audit = app.add_subcommand("audit", "Answer questions about the past from a data directory");
  audit->require_subcommand(1);
  CLI::App* command = add_command(*audit, call, "state", "Tags and digests as they were at a moment",
                                  "longshore audit state /var/lib/longshore --at 2026-11-23T21:00:00Z "
                                  "--repository team/app",
                                  needs::nothing);
  auto options = std::make_shared<state_options>();
  command->add_option("DIR", options->dir, "Data directory of a site that is not running")->required();
  command->add_option("--at", options->at, "A seq (the state after that record) or an RFC 3339 time; default: the end");
  command->add_option("--repository", options->repository, "This repository alone");
  command->add_flag("--deleted", options->tombstones, "Show what was deleted, too");
  command->callback([&call, options] { call.run = [&call, options] { return state(call, *options); }; });
}

}  // namespace longshore::tools
