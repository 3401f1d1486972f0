#pragma once

// A secondary's view of its primary over HTTP: engine::log_source, and the report of the secondary's position.
//
// read() asks GET {primary}/v1/log/events?after=SEQ&max_bytes=N&wait=S for the binary format (api/log_frames.h) and
// returns one page; the page's shape is checked (density, sizes, page end; corrupt otherwise), its root is the
// caller's to verify. report_cursor() returns when the primary has acknowledged it.
// Failures: unauthorized (401: the token), conflict (409, 410: the primary's log is no continuation of ours), the rest
// as in api/registry_error.h. One executor.

#include "api/http_client.h"
#include "engine/log_source.h"
#include "storage/env/clock.h"

namespace longshore::api {

struct peer_options {
  std::string address;  // https://host[:port][/prefix]
  std::string token;
  http_options http;
};

class peer_client final : public engine::log_source {
 public:
  static result<std::unique_ptr<peer_client>> create(boost::asio::any_io_executor executor, clock& now,
                                                     peer_options options);

  task<engine::log_page> read(event_seq from, std::size_t bytes_max, int wait_s) override;
  // summary: a JSON object, sent as "summary"; size: records applied at this site. previous: what this process reported
  // last; none: nothing yet, and the primary lets the position go back, should this site have begun anew.
  task<> report_cursor(std::string site, std::uint64_t size, std::string summary,
                       std::optional<std::uint64_t> previous);

  const http_counters& counters() const { return http_->counters(); }

 private:
  peer_client(std::unique_ptr<http_client> http, clock& now, url primary, peer_options options);
  http_request request(std::string method, const std::string& path) const;
  boost::asio::awaitable<error> refusal(std::unique_ptr<http_stream> answer, std::string doing, bool reads);

  std::unique_ptr<http_client> http_;
  clock* clock_;
  url primary_;
  std::string token_;
  milliseconds stall_max_;
};

}  // namespace longshore::api
