#include "tests/sim/turns.h"

#include <utility>

namespace longshore::sim {

bool turns::ready() {
  if (!ready_.empty() || abandoned_) return !ready_.empty();
  // Waiters that were told come over from their timers.
  timers_->restart();
  timers_->poll();
  return !ready_.empty();
}

void turns::run_one() {
  const std::size_t n = in_order_ ? 0 : random_->below(ready_.size());
  if (n > 0) std::swap(ready_.front(), ready_[n]);
  auto chosen = std::move(ready_.front());
  ready_.pop_front();
  chosen();
}

void turns::abandon() {
  abandoned_ = true;  // what a destroyed coroutine posts, to be unwound on its executor, is destroyed at once
  while (!ready_.empty()) {
    const auto dropped = std::move(ready_.front());
    ready_.pop_front();
  }
  timers_.reset();
}

}  // namespace longshore::sim
