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
  return small || large_in_use_ + 1 < slots_;
}

void transfer_slots::occupy(bool small) {
  ++in_use_;
  if (!small) ++large_in_use_;
}

boost::asio::awaitable<transfer_slots::lease> transfer_slots::take(bool small) {
  if (slots_ == 1) small = true;
  wait_list& queue = waiters(small);
  if (queue.size() == 0 && is_free(small)) {
    occupy(small);
  } else {
    co_await queue.wait();  // whoever wakes it has occupied the slot for it
  }
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
  for (const bool next_small : {false, true}) {
    while (waiters(next_small).size() > 0 && is_free(next_small)) {
      occupy(next_small);
      waiters(next_small).notify_one();
    }
  }
}

}  // namespace longshore::engine
