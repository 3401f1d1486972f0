#include "api/registry_blobs.h"

#include <algorithm>
#include <boost/asio.hpp>

namespace longshore::api {

namespace asio = boost::asio;

task<> http_blob_reader::skip(std::uint64_t n) {
  std::vector<char> scrap(static_cast<std::size_t>(std::min<std::uint64_t>(n, 64 * 1024)));
  while (n > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(n, scrap.size()));
    auto got = co_await body_->read(asio::buffer(scrap.data(), wanted));
    if (!got) co_return pass(std::move(got));
    if (*got == 0) {
      co_return fail(errc::corrupt, body_->head().from.shown() + " is shorter than the offset to go on from");
    }
    n -= *got;
  }
  co_return result<>();
}

}  // namespace longshore::api
