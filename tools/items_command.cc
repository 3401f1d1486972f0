// longshore items: what is not at the target, of all repositories, each with its reason and what to do.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "api/url.h"
#include "tools/json_text.h"
#include "tools/online.h"

namespace longshore::tools {
namespace {

namespace json = boost::json;

struct items_options {
  online_options online;
  std::string pattern, state;
};

std::string text_at(const json::value& v, const char* pointer) {
  boost::system::error_code ec;
  const json::value* found = v.find_pointer(pointer, ec);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

void print_item(const json::value& item) {
  const std::string ref = text_at(item, "/reference");
  const char* between = ref.empty() ? "" : ref.find(':') == std::string::npos ? ":" : "@";
  std::printf("%s%s%s: %s: %s\n    %s\n", text_at(item, "/repository").c_str(), between, ref.c_str(),
              text_at(item, "/state").c_str(), text_at(item, "/reason").c_str(), text_at(item, "/remedy").c_str());
}

// Page by page, as they come.
int items(const invocation& call, const items_options& options) {
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  std::uint64_t count = 0;
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
        print_item(item);
    }
    const std::string next = text_at(body, "/next");
    if (next == after) break;
    after = next;
  } while (!after.empty());
  if (count == 0 && !call.json) std::printf("none\n");
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
