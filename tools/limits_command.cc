// longshore limits: how much of its registries a running site uses, shown and changed.

#include <boost/json.hpp>
#include <cstdio>
#include <memory>

#include "tools/config_value.h"
#include "tools/online.h"

namespace longshore::tools {

namespace {

namespace json = boost::json;

constexpr std::string_view as_configured = "configured";

struct limits_options {
  online_options online;
  std::string source_bytes, source_requests, target_bytes, target_requests;
};

result<json::value> bytes_of(const std::string& text) {
  if (text == as_configured) return json::value(nullptr);
  const auto n = parse_size(text);
  if (!n) return fail(errc::invalid, n.error().text + ", 0 for no limit, or \"configured\"");
  return json::value(static_cast<std::int64_t>(*n));
}

result<json::value> requests_of(const std::string& text) {
  if (text == as_configured) return json::value(nullptr);
  const auto n = parse_decimal(text);
  if (!n) return fail(errc::invalid, n.error().text + ", 0 for no limit, or \"configured\"");
  return json::value(*n);
}

// The body of the change; empty when nothing is to be changed.
result<json::object> asked(const limits_options& o) {
  json::object all;
  const auto add = [&](const char* section, const std::string& bytes, const std::string& requests) -> result<void> {
    json::object one;
    if (!bytes.empty()) {
      auto v = bytes_of(bytes);
      if (!v) return pass(std::move(v));
      one.emplace("bytes_per_second", std::move(*v));
    }
    if (!requests.empty()) {
      auto v = requests_of(requests);
      if (!v) return pass(std::move(v));
      one.emplace("requests_per_second", std::move(*v));
    }
    if (!one.empty()) all.emplace(section, std::move(one));
    return {};
  };
  if (auto ok = add("source_registry", o.source_bytes, o.source_requests); !ok) return pass(std::move(ok));
  if (auto ok = add("target_registry", o.target_bytes, o.target_requests); !ok) return pass(std::move(ok));
  return all;
}

int limits(const invocation& call, const limits_options& options) {
  const auto change = asked(options);
  if (!change) {
    failed(call, change.error());
    return exit_wrong_usage;
  }
  result<online_site> site = reach(call, options.online);
  if (!site) return failed(call, site.error());
  site_question question = site->question(change->empty() ? "GET" : "PUT", "/v1/limits");
  if (!change->empty()) {
    question.content_type = "application/json";
    question.body = json::serialize(*change);
  }
  return print_answer(call, site->client->ask(std::move(question)), site->url + "/v1/limits");
}

}  // namespace

void add_limits_command(CLI::App& app, invocation& call) {
  CLI::App* command = add_command(app, call, "limits", "How much of its registries a running site may use",
                                  "longshore limits --source-bytes 10MB --target-requests 50", needs::config);
  auto options = std::make_shared<limits_options>();
  add_online_options(*command, options->online);
  const std::string until = "; 0: no limit, \"configured\": as configured. Until the site restarts";
  command->add_option("--source-bytes", options->source_bytes, "Bytes a second from the source, like 10MB" + until);
  command->add_option("--source-requests", options->source_requests, "Requests a second to the source" + until);
  command->add_option("--target-bytes", options->target_bytes, "Bytes a second to the target, like 10MB" + until);
  command->add_option("--target-requests", options->target_requests, "Requests a second to the target" + until);
  command->callback([&call, options] { call.run = [&call, options] { return limits(call, *options); }; });
}

}  // namespace longshore::tools
