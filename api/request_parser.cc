#include "api/request_parser.h"

#include <algorithm>

namespace longshore::api {

namespace {

// A length is only a promise: memory is taken ahead for this much at most.
constexpr std::uint64_t reserved_max = 64u << 10;

std::string_view view(boost::beast::string_view s) { return {s.data(), s.size()}; }

}  // namespace

request_parser::request_parser(request& to, std::uint32_t header_bytes_max) : to_(&to) {
  header_limit(header_bytes_max);
  body_limit(boost::none);  // checked by the session against the route's
  eager(false);
}

void request_parser::read_body(std::size_t bytes_max) {
  body_limit(bytes_max);
  eager(true);
}

bool request_parser::announces_more_than(std::size_t bytes) const {
  const auto length = content_length();
  return length && *length > bytes;
}

void request_parser::on_request_impl(boost::beast::http::verb, text method, text target, int version, ec&) {
  version_ = version;
  to_->set_line(view(method), view(target));
}

void request_parser::on_field_impl(boost::beast::http::field, text name, text value, ec&) {
  to_->add_header(view(name), view(value));
}

void request_parser::on_body_init_impl(const boost::optional<std::uint64_t>& length, ec&) {
  if (length) to_->body.reserve(std::min(*length, reserved_max));
}

std::size_t request_parser::on_body_impl(text bytes, ec&) {
  to_->body.append(bytes.data(), bytes.size());
  return bytes.size();
}

std::size_t request_parser::on_chunk_body_impl(std::uint64_t, text bytes, ec&) {
  to_->body.append(bytes.data(), bytes.size());
  return bytes.size();
}

}  // namespace longshore::api
