#pragma once

// How many blobs are in transfer at once, and the memory they may use: each slot owns two buffers of fixed size, so
// the whole data path is bounded by slots * 2 * buffer_bytes, whatever the blobs weigh.
//
// take() waits for a free slot. One slot is kept for small blobs, so that a small image does not wait behind large
// layers; of the others, large blobs have the first choice, and small ones what is left. Blobs of a kind come in order
// of arrival. A single slot goes by arrival alone. The lease gives the slot back when it is destroyed. One executor;
// must outlive leases.

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "engine/wait_list.h"

namespace longshore::engine {

struct transfer_buffers {
  explicit transfer_buffers(std::size_t bytes) : first(bytes), second(bytes) {}
  std::vector<std::byte> first, second;
};

class transfer_slots {
 public:
  class lease {
   public:
    lease(transfer_slots& of, bool small, std::unique_ptr<transfer_buffers> buffers)
        : of_(&of), small_(small), buffers_(std::move(buffers)) {}
    lease(lease&& other) noexcept = default;
    lease& operator=(lease&&) = delete;
    ~lease() {
      if (buffers_) of_->give_back(small_, std::move(buffers_));
    }
    transfer_buffers& buffers() { return *buffers_; }

   private:
    transfer_slots* of_;
    bool small_;
    std::unique_ptr<transfer_buffers> buffers_;
  };

  transfer_slots(std::size_t slots, std::size_t buffer_bytes);
  boost::asio::awaitable<lease> take(bool small);
  std::size_t in_use() const { return in_use_; }

 private:
  void give_back(bool small, std::unique_ptr<transfer_buffers> buffers);
  bool is_free(bool small) const;
  wait_list& waiters(bool small) { return small ? small_waiters_ : large_waiters_; }
  void occupy(bool small);

  std::size_t slots_, buffer_bytes_;
  std::size_t in_use_ = 0, large_in_use_ = 0;
  std::vector<std::unique_ptr<transfer_buffers>> idle_;
  wait_list small_waiters_, large_waiters_;
};

}  // namespace longshore::engine
