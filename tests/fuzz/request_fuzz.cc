// Requests as they come from the network, in one piece and in two: no body is longer than what came.

#include "api/http_fields.h"
#include "api/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <cstdint>
#include <cstdlib>

namespace {

using longshore::api::last_chunk_bytes_min;
using longshore::api::request;
using longshore::api::request_parser;

// Until it stops taking anything.
void put(request_parser& parser, std::string& held, std::size_t& least) {
  while (held.size() >= least) {  // as the server does
    boost::system::error_code ec;
    const std::size_t taken = parser.put(boost::asio::buffer(held), ec);
    held.erase(0, taken);
    least = ec == boost::beast::http::error::need_more ? last_chunk_bytes_min : 1;
    if (ec || parser.is_done() || taken == 0) return;
    if (parser.is_header_done()) parser.read_body(1u << 16);
  }
}

// The body, empty where the request is not whole.
std::string parse(std::string_view text, std::size_t first) {
  request r;
  request_parser parser(r, 8'192);
  std::string held(text.substr(0, first));
  std::size_t least = 1;
  put(parser, held, least);
  held.append(text.substr(first));
  if (parser.is_header_done()) parser.read_body(1u << 16);
  if (!parser.is_done()) put(parser, held, least);
  return parser.is_done() ? r.body : std::string();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (parse(text, size).size() > size || parse(text, size / 2).size() > size) std::abort();
  return 0;
}
