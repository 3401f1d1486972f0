// longshore rebuild-views: drops the views of a stopped site and folds them anew from its logs.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "tools/command.h"
#include "tools/offline.h"

namespace longshore::tools {

namespace {

int rebuild(const invocation& call, const std::string& dir) {
  result<site_store> store = open_site_store(dir, store_access::write);
  if (!store) return failed(call, store.error());
  result<site_logs> logs = open_site_logs(*store);
  if (!logs) return failed(call, of_damaged_log(logs.error(), dir));
  progress_line progress("rebuilding");
  result<std::vector<rebuilt_view>> rebuilt = rebuild_views(*logs, std::ref(progress));
  if (!rebuilt) return failed(call, of_damaged_log(rebuilt.error(), dir));
  if (call.json) {
    boost::json::array views;
    for (const rebuilt_view& v : *rebuilt) {
      views.push_back(boost::json::object{{"view", v.name},
                                          {"records", v.records},
                                          {"digest", v.digest},
                                          {"digest_before", v.digest_before},
                                          {"changed", v.digest != v.digest_before}});
    }
    std::printf("%s\n", boost::json::serialize(boost::json::object{{"views", views}}).c_str());
    return exit_done;
  }
  std::vector<std::vector<std::string>> rows{{"VIEW", "RECORDS", "DIGEST", ""}};
  for (const rebuilt_view& v : *rebuilt) {
    rows.push_back({v.name, with_commas(v.records), v.digest,
                    v.digest == v.digest_before ? "same bytes as before"
                                                : "was " + (v.digest_before.empty() ? "unreadable" : v.digest_before)});
  }
  print_table(rows);
  return exit_done;
}

}  // namespace

void add_rebuild_command(CLI::App& app, invocation& call) {
  CLI::App* command =
      add_command(app, call, "rebuild-views", "Drop a stopped site's views and fold them anew from its logs",
                  "longshore rebuild-views /var/lib/longshore", needs::nothing);
  auto dir = std::make_shared<std::string>();
  command->add_option("DIR", *dir, "Data directory of a site that is not running")->required();
  command->callback([&call, dir] { call.run = [&call, dir] { return rebuild(call, *dir); }; });
}

}  // namespace longshore::tools
