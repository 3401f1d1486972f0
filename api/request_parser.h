#pragma once

// Beast's incremental HTTP/1 parser, filling a reused request instead of allocating a message.
//
// One per request. put() first stops after the head; after read_body() it goes on with the body, up to that many bytes
// (http::error::body_limit beyond). Syntax errors are those of Beast. RFC 9112.

#include <boost/beast/http/basic_parser.hpp>

#include "api/request.h"

namespace longshore::api {

class request_parser final : public boost::beast::http::basic_parser<true> {
 public:
  request_parser(request& to, std::uint32_t header_bytes_max);

  // After the head: how many bytes of body are acceptable.
  void read_body(std::size_t bytes_max);
  // After the head: more than this is announced.
  bool announces_more_than(std::size_t bytes) const;
  int version() const { return version_; }

 private:
  using ec = boost::beast::error_code;
  using text = boost::beast::string_view;
  void on_request_impl(boost::beast::http::verb, text method, text target, int version, ec&) override;
  void on_response_impl(int, text, int, ec&) override {}
  void on_field_impl(boost::beast::http::field, text name, text value, ec&) override;
  void on_header_impl(ec&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>& length, ec&) override;
  std::size_t on_body_impl(text bytes, ec&) override;
  void on_chunk_header_impl(std::uint64_t, text, ec&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, text bytes, ec&) override;
  void on_finish_impl(ec&) override {}

  request* to_;
  int version_ = 11;
};

}  // namespace longshore::api
