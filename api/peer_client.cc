#include "api/peer_client.h"

#include <boost/asio.hpp>
#include <boost/json.hpp>

#include "api/log_frames.h"
#include "api/registry_error.h"

namespace longshore::api {

namespace asio = boost::asio;
using engine::log_page;

namespace {

constexpr std::size_t refusal_bytes_max = 64 * 1024;
constexpr std::size_t page_slack_bytes = 1u << 20;  // max_bytes is "about", and frames have heads

std::unexpected<error> misshapen(const std::string& what) {
  return fail(errc::corrupt, "the primary's answer is not a page of its log: " + what);
}

// Takes what frames there are. True: the page is complete.
result<bool> take_frames(log_frame_decoder& decoder, log_page& page, event_seq from) {
  for (;;) {
    auto frame = decoder.next();
    if (!frame) return pass(std::move(frame));
    if (!*frame) return false;
    switch ((*frame)->type) {
      case log_frame_type::heartbeat:
        break;
      case log_frame_type::record:
        page.records.push_back(std::move((*frame)->record));
        break;
      case log_frame_type::page_end: {
        const auto& end = (*frame)->end;
        if (end.first != from || end.size < end.first.value || end.size - end.first.value != page.records.size() ||
            end.durable_size < end.size) {
          return misshapen("it says records " + std::to_string(end.first.value) + " to " + std::to_string(end.size) +
                           " of " + std::to_string(end.durable_size) + ", and brought " +
                           std::to_string(page.records.size()) + " from " + std::to_string(from.value));
        }
        page.root = end.root;
        page.durable_size = end.durable_size;
        return true;
      }
    }
  }
}

task<log_page> read_page(http_stream& body, event_seq from, std::size_t bytes_max) {
  log_page page;
  page.first = from;
  page.log_identity = std::string(body.head().headers.find(log_identity_header).value_or(""));
  if (page.log_identity.empty()) co_return misshapen("it does not name its log");
  log_frame_decoder decoder;
  std::vector<char> piece(64 * 1024);
  std::size_t total = 0;
  for (;;) {
    auto n = co_await body.read(asio::buffer(piece));
    if (!n) co_return pass(std::move(n));
    if (*n == 0) co_return fail(errc::unavailable, "the primary ended its answer before the end of a page");
    total += *n;
    decoder.feed({piece.data(), *n});
    auto complete = take_frames(decoder, page, from);
    if (!complete) co_return pass(std::move(complete));
    if (*complete) break;
    if (total > bytes_max + page_slack_bytes) {
      co_return fail(errc::too_large, "the primary sent more than the " + std::to_string(bytes_max) +
                                          " bytes of log that were asked for");
    }
  }
  // The end of the body frees the connection; should more follow, it is closed instead.
  if (decoder.at_boundary()) static_cast<void>(co_await body.read(asio::buffer(piece)));
  co_return page;
}

}  // namespace

peer_client::peer_client(std::unique_ptr<http_client> http, clock& now, url primary, peer_options options)
    : http_(std::move(http)),
      clock_(&now),
      primary_(std::move(primary)),
      token_(std::move(options.token)),
      stall_max_(options.http.stall_max) {
  while (primary_.path.ends_with('/')) primary_.path.pop_back();
}

result<std::unique_ptr<peer_client>> peer_client::create(asio::any_io_executor executor, clock& now,
                                                         peer_options options) {
  auto primary = url::parse(options.address);
  if (!primary) return pass(std::move(primary), "the primary's address");
  if (!primary->query.empty()) return fail(errc::invalid, "the primary's address must not have a query");
  auto http = http_client::create(std::move(executor), options.http);
  if (!http) return pass(std::move(http));
  return std::unique_ptr<peer_client>(new peer_client(std::move(*http), now, std::move(*primary), std::move(options)));
}

http_request peer_client::request(std::string method, const std::string& path) const {
  http_request r;
  r.method = std::move(method);
  r.to = primary_;
  r.to.path += path;
  r.kind = request_kind::peer;
  if (!token_.empty()) r.headers.add("Authorization", "Bearer " + token_);
  return r;
}

asio::awaitable<error> peer_client::refusal(std::unique_ptr<http_stream> answer, std::string doing, bool reads) {
  auto whole = co_await answer->read_all(refusal_bytes_max);
  if (!whole) co_return std::move(whole).error();
  const auto status = whole->head.status;
  auto why = registry_error(*whole, doing, clock_->now());
  if (status == 401) {
    why.text += "; [primary] token must be the one that the primary has for this site in its [[follower]]";
  }
  if (status == 409 || status == 410) {
    why.code = errc::conflict;
    if (reads) why.text += "; the primary's log is not a continuation of what this site holds";
  }
  if (status == 404) why.code = errc::unavailable;
  if (status == 404 && complaints_of(whole->body).empty()) {
    why.text = primary_.shown() + ": " + doing +
               ": status 404; is that the address of the primary, or of a registry or a proxy?";
  }
  if (status >= 300 && status < 400) why.text += "; give the address it redirects to as the primary's address";
  if (status < 300)
    why = {errc::corrupt, primary_.shown() + ": " + doing + ": an answer of status " + std::to_string(status) +
                              " and another format; is it a Longshore?"};
  co_return why;
}

task<log_page> peer_client::read(event_seq from, std::size_t bytes_max, int wait_s) {
  auto r = request("GET", "/v1/log/events");
  if (from.value > 0) r.to.add_query("after", std::to_string(from.value - 1));
  r.to.add_query("max_bytes", std::to_string(bytes_max));
  r.to.add_query("wait", std::to_string(wait_s));
  r.headers.add("Accept", std::string(log_media_type));
  r.lane = traffic::stream;
  // The primary may say nothing at all for as long as it was asked to wait.
  r.stall_max = stall_max_ + std::chrono::seconds(wait_s);
  auto answer = co_await http_->open(std::move(r));
  if (!answer) co_return pass(std::move(answer), "reading the primary's log");
  const auto& head = (*answer)->head();
  if (head.status != 200 || media_type_of(head.headers) != log_media_type) {
    auto why = co_await refusal(std::move(*answer), "reading the log from " + std::to_string(from.value), true);
    co_return std::unexpected(std::move(why));
  }
  co_return co_await read_page(**answer, from, bytes_max);
}

task<> peer_client::report_cursor(std::string site, std::uint64_t size, std::string summary,
                                  std::optional<std::uint64_t> previous) {
  boost::system::error_code ec;
  auto parsed = boost::json::parse(summary.empty() ? "{}" : summary, ec);
  if (ec || !parsed.is_object()) co_return fail(errc::invalid, "a site's summary must be a JSON object");
  auto r = request("PUT", "/v1/sites/" + escape(site) + "/cursor");
  r.headers.add("Content-Type", "application/json");
  boost::json::object report{{"size", size}, {"summary", std::move(parsed)}};
  if (previous) report.emplace("previous", *previous);
  r.body = boost::json::serialize(report);
  auto answer = co_await http_->open(std::move(r));
  if (!answer) co_return pass(std::move(answer), "reporting to the primary");
  const auto status = (*answer)->head().status;
  if (status != 200 && status != 201 && status != 204) {
    auto why = co_await refusal(std::move(*answer), "reporting this site's position", false);
    co_return std::unexpected(std::move(why));
  }
  // Read to its end, so that the connection is kept.
  static_cast<void>(co_await (*answer)->read_all(refusal_bytes_max));
  co_return result<>();
}

}  // namespace longshore::api
