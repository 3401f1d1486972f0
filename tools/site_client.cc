#include "tools/site_client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <exception>
#include <vector>

#include "api/http_client.h"
#include "tools/config_value.h"

namespace longshore::tools {

namespace {

constexpr std::size_t body_bytes_max = 64u << 20;
constexpr std::size_t line_bytes_max = 1u << 20;

}  // namespace

struct site_client::rep {
  boost::asio::io_context loop{1};
  api::url base;
  std::unique_ptr<api::http_client> http;

  result<api::http_request> request(site_question q) const {
    const result<api::url> to = base.resolve(q.target);
    if (!to) return std::unexpected(to.error());
    api::http_request r;
    r.method = std::move(q.method);
    r.to = *to;
    r.kind = api::request_kind::peer;
    r.headers.add("Accept", q.accept);
    if (!q.token.empty()) r.headers.add("Authorization", "Bearer " + q.token);
    if (!q.content_type.empty()) r.headers.add("Content-Type", q.content_type);
    r.body = std::move(q.body);
    return r;
  }

  // Runs one coroutine to its end.
  template <class T>
  result<T> wait_for(engine::task<T> work) {
    std::optional<result<T>> answer;
    std::exception_ptr thrown;
    boost::asio::co_spawn(loop, std::move(work), [&](std::exception_ptr e, result<T> r) {
      thrown = e;
      answer = std::move(r);
    });
    loop.restart();
    while (!answer && !thrown) loop.run_one();
    if (thrown) std::rethrow_exception(thrown);
    return std::move(*answer);
  }

  engine::task<site_answer> read_lines(api::http_request request, std::function<bool(std::string_view)> line) {
    auto stream = co_await http->open(std::move(request));
    if (!stream) co_return pass(std::move(stream));
    site_answer answer;
    answer.status = (*stream)->head().status;
    if (!answer.ok()) {
      auto whole = co_await (*stream)->read_all(body_bytes_max);
      if (!whole) co_return pass(std::move(whole));
      answer.body = std::move(whole->body);
      co_return answer;
    }
    std::string held;
    std::vector<char> buffer(64u << 10);
    for (;;) {
      const auto size = co_await (*stream)->read(boost::asio::buffer(buffer));
      if (!size) co_return std::unexpected(size.error());
      held.append(buffer.data(), *size);
      std::size_t begin = 0;
      for (std::size_t end = held.find('\n'); end != std::string::npos; end = held.find('\n', begin)) {
        const std::string_view one = std::string_view(held).substr(begin, end - begin);
        if (!one.empty() && !line(one)) co_return answer;
        begin = end + 1;
      }
      held.erase(0, begin);
      if (held.size() > line_bytes_max) co_return fail(errc::too_large, "the site sent a line over 1 MiB");
      if (*size == 0) break;
    }
    if (!held.empty()) line(held);
    co_return answer;
  }
};

site_client::site_client(std::unique_ptr<rep> rep) : rep_(std::move(rep)) {}
site_client::~site_client() = default;

result<std::unique_ptr<site_client>> site_client::create(const std::string& url, const std::string& ca_file) {
  auto made = std::make_unique<rep>();
  result<api::url> base = api::url::parse(url);
  if (!base) return pass(std::move(base), url);
  made->base = std::move(*base);
  api::http_options options;
  options.ca_file = ca_file;
  auto http = api::http_client::create(made->loop.get_executor(), std::move(options));
  if (!http) return pass(std::move(http));
  made->http = std::move(*http);
  return std::unique_ptr<site_client>(new site_client(std::move(made)));
}

result<site_answer> site_client::ask(site_question question) {
  auto request = rep_->request(std::move(question));
  if (!request) return pass(std::move(request));
  auto response = rep_->wait_for(rep_->http->send(std::move(*request), body_bytes_max));
  if (!response) return pass(std::move(response));
  return site_answer{response->head.status, std::move(response->body)};
}

result<site_answer> site_client::lines(site_question question, const std::function<bool(std::string_view)>& line) {
  auto request = rep_->request(std::move(question));
  if (!request) return pass(std::move(request));
  return rep_->wait_for(rep_->read_lines(std::move(*request), line));
}

result<std::string> own_url(const config& c) {
  if (!c.listen.url.empty()) return c.listen.url;
  const result<host_port> address = parse_host_port(c.listen.address);
  if (!address) return std::unexpected(address.error());
  if (address->port == 0) {
    return fail(errc::invalid,
                "listen.address has port 0, so only the running site knows where it listens: give --url");
  }
  std::string host = address->host;
  if (host == "0.0.0.0") host = "127.0.0.1";
  if (host == "::") host = "::1";
  if (host.find(':') != std::string::npos) host = "[" + host + "]";
  return (c.listen.tls_certificate.empty() ? "http://" : "https://") + host + ":" + std::to_string(address->port);
}

std::string unreached(const std::string& url) {
  if (!url.starts_with("https://")) return {};
  return "; over https the address must be the one that the site's certificate names, and its authority known: --url " +
         std::string("and --ca-file, or url and ca_file in [listen]");
}

error refusal(const site_answer& answer, const std::string& doing) {
  std::string said = "HTTP " + std::to_string(answer.status);
  boost::system::error_code ec;
  const boost::json::value body = boost::json::parse(answer.body, ec);
  const boost::json::value* message = ec ? nullptr : body.find_pointer("/errors/0/message", ec);
  const bool told = message != nullptr && message->is_string();
  if (told) said += ", " + std::string(message->as_string());
  if (answer.status == 401) {
    said =
        "the admin token of this configuration is not that of the running site: give the configuration that the site "
        "was started with (--config), or restart the site if its token was changed (" +
        said + ")";
  }
  if (answer.status == 404 && !told) said += "; is it a Longshore site of this version?";
  return error{answer.status == 401 ? errc::unauthorized : errc::rejected, doing + ": " + said};
}

}  // namespace longshore::tools
