#include "engine/transfer_slots.h"

#include "storage/env/ensure.h"

namespace longshore::engine {

transfer_slots::transfer_slots(std::size_t slots, std::size_t buffer_bytes)
    : slots_(slots), buffer_bytes_(buffer_bytes) {
  ensure(slots > 0 && buffer_bytes > 0, "transfers need at least one slot and a buffer");
  idle_.reserve(slots);
}

bool transfer_slots::is_free(bool small) const {
  if (in_use_ >= slots_) return false;
  return small || slots_ == 1 || large_in_use_ + 1 < slots_;
}

boost::asio::awaitable<transfer_slots::lease> transfer_slots::take(bool small) {
  while (!is_free(small)) co_await (small ? small_waiters_ : large_waiters_).wait();
  ++in_use_;
  if (!small) ++large_in_use_;
  std::unique_ptr<transfer_buffers> buffers;
  if (idle_.empty()) {
    buffers = std::make_unique<transfer_buffers>(buffer_bytes_);
  } else {
    buffers = std::move(idle_.back());
    idle_.pop_back();
  }
  co_return lease(*this, small, std::move(buffers));
}

void transfer_slots::give_back(bool small, std::unique_ptr<transfer_buffers> buffers) {
  idle_.push_back(std::move(buffers));
  --in_use_;
  if (!small) --large_in_use_;
  // Whoever is woken looks again; both kinds are, since either may be the one that fits.
  small_waiters_.notify_one();
  large_waiters_.notify_one();
}

}  // namespace longshore::engine
