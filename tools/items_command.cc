// longshore items: what is not at the target, of all repositories, each with its reason and what to do.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <set>
#include <utility>

#include "api/url.h"
#include "tools/item_groups.h"
#include "tools/json_text.h"
#include "tools/online.h"

namespace longshore::tools {
namespace {

namespace json = boost::json;

struct items_options {
  online_options online;
  std::string pattern, state;
};

// What the last verification found in repositories that are failed as a whole, each with one reason only.
void print_mismatches(const online_site& site, const std::set<std::string>& repositories) {
  if (repositories.empty()) return;
  const json::value run = asked(site, "/v1/verify");
  boost::system::error_code ec;
  const json::value* all = run.find_pointer("/mismatches", ec);
  if (all == nullptr || !all->is_array()) return;
  bool begun = false;
  for (const json::value& m : all->get_array()) {
    const std::string repository = text_at(m, "/repository"), tag = text_at(m, "/tag");
    if (!repositories.contains(repository)) continue;
    if (!std::exchange(begun, true)) std::printf("found by the last verification:\n");
    std::printf("    %s%s%s: %s: %s\n", repository.c_str(), tag.find(':') == std::string::npos ? ":" : "@", tag.c_str(),
                text_at(m, "/kind").c_str(), text_at(m, "/reason").c_str());
  }
}

// Page by page, as they come.
int items(const invocation& call, const items_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  std::uint64_t count = 0;
  item_groups together;
  std::set<std::string> failed_as_a_whole;
  std::string after;
  do {
    const std::string target = "/v1/items?limit=1000&state=" + options.state +
                               "&repository=" + api::escape(options.pattern) + "&after=" + api::escape(after);
    const auto answer = site->client->ask(site->question("GET", target));
    if (!answer || !answer->ok()) return print_answer(call, answer, site->url + "/v1/items");
    boost::system::error_code ec;
    const json::value body = json::parse(answer->body, ec);
    const json::value* page = ec ? nullptr : body.find_pointer("/items", ec);
    if (page == nullptr || !page->is_array()) {
      return failed(call, {errc::corrupt, site->url + "/v1/items did not answer with items"});
    }
    for (const json::value& item : page->get_array()) {
      ++count;
      if (call.json)
        std::printf("%s\n", json::serialize(item).c_str());
      else
        std::printf("%s", together.add(item).c_str());
      if (text_at(item, "/state") == "failed" && text_at(item, "/reference").empty()) {
        failed_as_a_whole.insert(text_at(item, "/repository"));
      }
    }
    const std::string next = text_at(body, "/next");
    if (next == after) break;
    after = next;
  } while (!after.empty());
  if (call.json) return exit_done;
  std::printf("%s", together.rest().c_str());
  print_mismatches(*site, failed_as_a_whole);
  if (count == 0) std::printf("none\n");
  return exit_done;
}

}  // namespace

void add_items_command(CLI::App& app, invocation& call) {
  CLI::App* command = add_command(app, call, "items", "What is not at the target, why, and what to do about it",
                                  "longshore items --state parked 'team/*'", needs::config);
  auto chosen = std::make_shared<items_options>();
  add_online_options(*command, chosen->online);
  command->add_option("REPOSITORY", chosen->pattern, "A repository, or a glob over names; default: all");
  command->add_option("--state", chosen->state, "parked, failed or skipped; default: all three")
      ->check(CLI::IsMember({"parked", "failed", "skipped"}));
  command->callback([&call, chosen] { call.run = [&call, chosen] { return items(call, *chosen); }; });
}

}  // namespace longshore::tools
