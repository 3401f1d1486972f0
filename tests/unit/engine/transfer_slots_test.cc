#include "engine/transfer_slots.h"

#include <gtest/gtest.h>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <map>
#include <optional>
#include <string>

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

class transfer_slots_test : public testing::Test {
 protected:
  // Asks for a slot; who has one is in held_.
  void ask(const std::string& name, bool small) {
    asio::co_spawn(
        io_,
        [this, name, small]() -> asio::awaitable<void> {
          auto lease = co_await slots_->take(small);
          order_ += name;
          held_.emplace(name, std::move(lease));
        },
        asio::detached);
    settle();
  }
  void give_back(const std::string& name) {
    held_.erase(name);
    settle();
  }
  void settle() {
    io_.restart();
    io_.poll();
  }
  asio::io_context io_;
  std::optional<transfer_slots> slots_;
  std::map<std::string, transfer_slots::lease> held_;
  std::string order_;
};

TEST_F(transfer_slots_test, small_blobs_do_not_overtake_a_large_one_that_waits) {
  slots_.emplace(3u, 16u);
  for (const char* name : {"a", "b", "c"}) ask(name, true);
  ask("L", false);
  for (const char* name : {"d", "e"}) ask(name, true);
  EXPECT_EQ(order_, "abc");
  give_back("a");
  EXPECT_EQ(order_, "abcL");
  give_back("b");
  give_back("c");
  EXPECT_EQ(order_, "abcLde");
}

TEST_F(transfer_slots_test, one_slot_stays_for_small_blobs_however_many_large_ones_wait) {
  slots_.emplace(3u, 16u);
  for (const char* name : {"K", "L", "M", "N"}) ask(name, false);
  EXPECT_EQ(order_, "KL");
  ask("a", true);
  ask("b", true);
  EXPECT_EQ(order_, "KLa");
  give_back("a");
  EXPECT_EQ(order_, "KLab") << "the kept slot goes from small to small";
  give_back("K");
  EXPECT_EQ(order_, "KLabM");
}

TEST_F(transfer_slots_test, a_single_slot_goes_by_arrival) {
  slots_.emplace(1u, 16u);
  ask("a", true);
  ask("L", false);
  ask("b", true);
  give_back("a");
  EXPECT_EQ(order_, "aL");
  give_back("L");
  EXPECT_EQ(order_, "aLb");
  EXPECT_EQ(slots_->in_use(), 1u);
  give_back("b");
  EXPECT_EQ(slots_->in_use(), 0u);
}

TEST_F(transfer_slots_test, whoever_gives_up_waiting_holds_nothing) {
  slots_.emplace(2u, 16u);
  ask("a", true);
  ask("b", true);
  asio::cancellation_signal give_up;
  bool ended = false;
  asio::co_spawn(
      io_, [&]() -> asio::awaitable<void> { auto lease = co_await slots_->take(false); },
      asio::bind_cancellation_slot(give_up.slot(),
                                   [&](const std::exception_ptr& thrown) { ended = thrown != nullptr; }));
  settle();
  give_up.emit(asio::cancellation_type::terminal);
  settle();
  EXPECT_TRUE(ended);
  ask("c", true);
  give_back("a");
  EXPECT_EQ(order_, "abc");
  held_.clear();
  EXPECT_EQ(slots_->in_use(), 0u);
}

}  // namespace
}  // namespace longshore::engine
