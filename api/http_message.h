#pragma once

// A request to send and a response received, as values; and the text of a request's head.
//
// request_head() refuses (errc::invalid) what would let a value break out of its line: control characters in a
// method, target, name or value. Header names compare without case (RFC 9110).

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/local_reach.h"
#include "api/url.h"
#include "storage/env/result.h"

namespace longshore::api {

struct http_header {
  std::string name, value;
};

class http_headers {
 public:
  http_headers() = default;
  http_headers(std::initializer_list<http_header> all) : all_(all) {}
  void add(std::string name, std::string value) { all_.push_back({std::move(name), std::move(value)}); }
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  // The first value of that name; none: not there.
  std::optional<std::string_view> find(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  const std::vector<http_header>& all() const { return all_; }

 private:
  std::vector<http_header> all_;
};

bool equal_ignoring_case(std::string_view a, std::string_view b);
// The Content-Type without its parameters; empty: not told.
std::string media_type_of(const http_headers& headers);

// What a request is for: the key of the counters.
enum class request_kind : std::uint8_t { manifest, blob, upload, list, token, peer };
inline constexpr std::size_t request_kinds = 6;
std::string_view name_of(request_kind kind);

// Which share of a host's connections a request may use: streams leave some to the small ones.
enum class traffic : std::uint8_t { small, stream };

struct http_request {
  std::string method = "GET";
  url to;
  http_headers headers;
  std::string body;  // sent with Content-Length unless empty on a method that has none
  request_kind kind = request_kind::manifest;
  traffic lane = traffic::small;
  bool resumed = false;                    // goes on with work that holds other connections: it must not wait for one
  local_reach reach = local_reach::all;    // what the connection may go to, whatever name leads there
  std::chrono::milliseconds stall_max{0};  // without a byte either way; 0: the client's setting
};

struct http_head {
  int status = 0;
  http_headers headers;
  url from;                    // of the request that this answers
  std::int64_t waited_us = 0;  // for it, from when the request was let go
};

struct http_response {
  http_head head;
  std::string body;
};

// Plain numbers, readable by the owner on the client's executor.
struct request_counters {
  std::uint64_t requests = 0, failures = 0, bytes_in = 0, bytes_out = 0;
};
struct http_counters {
  std::array<request_counters, request_kinds> by_kind{};
  std::uint64_t connections_opened = 0, connections_reused = 0, stale_retries = 0;
  request_counters& of(request_kind kind) { return by_kind[static_cast<std::size_t>(kind)]; }
  const request_counters& of(request_kind kind) const { return by_kind[static_cast<std::size_t>(kind)]; }
};

// content_length none: no Content-Length line.
result<std::string> request_head(const http_request& request, std::string_view user_agent,
                                 std::optional<std::uint64_t> content_length);

}  // namespace longshore::api
