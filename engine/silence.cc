#include "engine/silence.h"

#include "engine/failure.h"

namespace longshore::engine {

boost::asio::awaitable<bool> silence::goes_on_without(
    errc answer, const std::function<boost::asio::awaitable<bool>()>& answers_control) {
  // Of a registry, corrupt is an answer that cannot be read.
  if (is_final(answer) && answer != errc::corrupt) co_return false;
  if (++failures_in_a_row_ < failures_max) co_return true;
  if (!co_await answers_control()) co_return false;
  failures_in_a_row_ = 0;
  co_return true;
}

}  // namespace longshore::engine
