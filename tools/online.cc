#include "tools/online.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <exception>

#include "tools/clients.h"
#include "tools/json_text.h"

namespace longshore::tools {

void add_online_options(CLI::App& command, online_options& options) {
  command.add_option("--url", options.url, "The site's address; default: the configured listen.url, or listen.address");
  command.add_option("--ca-file", options.ca_file,
                     "Authorities to trust for an https address, PEM; default: the configured listen.ca_file");
}

site_question online_site::question(std::string method, std::string target) const {
  site_question q;
  q.method = std::move(method);
  q.target = std::move(target);
  q.token = settings.admin_token;
  return q;
}

result<online_site> reach(const invocation& call, const online_options& options) {
  result<config> c = configured(call);
  if (!c) return pass(std::move(c));
  online_site site;
  site.settings = std::move(*c);
  site.url = options.url;
  site.ca_file = options.ca_file.empty() ? site.settings.listen.ca_file.string() : options.ca_file;
  if (site.url.empty()) {
    result<std::string> own = own_url(site.settings);
    if (!own) return pass(std::move(own));
    site.url = std::move(*own);
  }
  auto client = site_client::create(site.url, site.ca_file);
  if (!client) return pass(std::move(client));
  site.client = std::move(*client);
  return site;
}

result<std::uint64_t> log_size(const online_site& site) {
  // A page of the log tells how much there is; the smallest page will do.
  boost::asio::io_context loop(1);
  system_clock now;
  auto peer = make_peer_client(loop.get_executor(), now, {site.url, site.settings.admin_token, site.ca_file});
  if (!peer) return pass(std::move(peer));
  std::optional<result<engine::log_page>> page;
  std::exception_ptr thrown;
  boost::asio::co_spawn(loop, (*peer)->read({0}, 1, 0), [&](std::exception_ptr e, result<engine::log_page> p) {
    thrown = e;
    page = std::move(p);
  });
  loop.run();
  if (thrown) std::rethrow_exception(thrown);
  if (!*page) return std::unexpected(page->error());
  return (*page)->durable_size;
}

int print_answer(const invocation& call, const result<site_answer>& answer, const std::string& doing) {
  if (!answer) {
    return failed(call,
                  {answer.error().code, doing + ": " + answer.error().text +
                                            "; is the site running? longshore doctor looks closer" + unreached(doing)});
  }
  if (!answer->ok()) return failed(call, refusal(*answer, doing));
  boost::system::error_code ec;
  const boost::json::value body = boost::json::parse(answer->body, ec);
  if (call.json || ec)
    std::printf("%s\n", answer->body.c_str());
  else
    std::printf("%s", to_text(body).c_str());
  return exit_done;
}

boost::json::value asked(const online_site& site, const std::string& target) {
  const auto answer = site.client->ask(site.question("GET", target));
  boost::system::error_code ec;
  boost::json::value body = answer && answer->ok() ? boost::json::parse(answer->body, ec) : nullptr;
  return ec ? nullptr : body;
}

}  // namespace longshore::tools
