#include "api/registry_blobs.h"

#include <algorithm>
#include <boost/asio.hpp>

namespace longshore::api {

namespace asio = boost::asio;

task<std::size_t> http_blob_reader::read(asio::mutable_buffer buffer) {
  auto n = co_await body_->read(buffer);
  if (!n) co_return n;
  at_ += *n;
  if (*n == 0 && buffer.size() > 0 && size_ && at_ < *size_) {
    co_return fail(errc::unavailable, body_->head().from.shown() + " gave a part only, up to byte " +
                                          std::to_string(at_) + " of " + std::to_string(*size_));
  }
  co_return n;
}

task<> http_blob_reader::skip(std::uint64_t n) {
  std::vector<char> scrap(static_cast<std::size_t>(std::min<std::uint64_t>(n, 64 * 1024)));
  while (n > 0) {
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(n, scrap.size()));
    auto got = co_await read(asio::buffer(scrap.data(), wanted));
    if (!got) co_return pass(std::move(got));
    if (*got == 0) {
      // The end of a body without a length may be that of its connection.
      co_return fail(size_ ? errc::corrupt : errc::unavailable,
                     body_->head().from.shown() + " is shorter than the offset to go on from");
    }
    n -= *got;
  }
  co_return result<>();
}

}  // namespace longshore::api
