#include "api/alarm.h"

#include <boost/asio.hpp>

namespace longshore::api {

std::int64_t steady_alarm::now_us() const {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

void steady_alarm::set(std::int64_t after_us) {
  timer_.expires_after(std::chrono::microseconds(after_us));
  timer_.async_wait([weak = std::weak_ptr(ring_)](const boost::system::error_code& ec) {
    const auto ring = weak.lock();
    if (!ec && ring) (*ring)();
  });
}

}  // namespace longshore::api
