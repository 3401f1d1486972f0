#include "log/cursors.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

class cursor_test : public log_test {
 protected:
  void SetUp() override {
    open_and_start();
    add_many(10);
  }
};

TEST_F(cursor_test, positions_are_kept_per_consumer_across_reopening) {
  {
    cursors at(*log_);
    EXPECT_EQ(at.get("nobody").value(), 0u);
    ASSERT_TRUE(at.set("site-b", 4));
    ASSERT_TRUE(at.set("site-c", 10));
  }
  open();
  const cursors at(*log_);
  EXPECT_EQ(at.get("site-b").value(), 4u);
  EXPECT_EQ(at.all().value(), (std::map<std::string, std::uint64_t>{{"site-b", 4}, {"site-c", 10}}));
}

TEST_F(cursor_test, a_cursor_never_moves_back) {
  cursors at(*log_);
  ASSERT_TRUE(at.set("site-b", 4));
  EXPECT_TRUE(at.set("site-b", 4));
  const auto back = at.set("site-b", 3);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, errc::conflict);
  EXPECT_EQ(at.get("site-b").value(), 4u);
}

TEST_F(cursor_test, a_cursor_is_set_back_only_in_so_many_words) {
  cursors at(*log_);
  ASSERT_TRUE(at.set("site-b", 4));
  ASSERT_TRUE(at.set_back("site-b", 1));
  EXPECT_EQ(at.get("site-b").value(), 1u);
  EXPECT_EQ(at.set_back("site-b", 11).error().code, errc::conflict);
}

TEST_F(cursor_test, a_consumer_that_is_forgotten_may_begin_again) {
  cursors at(*log_);
  ASSERT_TRUE(at.set("site-b", 4));
  ASSERT_TRUE(at.forget("site-b"));
  ASSERT_TRUE(at.forget("nobody"));
  EXPECT_TRUE(at.all().value().empty());
  EXPECT_TRUE(at.set("site-b", 1));
}

TEST_F(cursor_test, a_cursor_never_moves_back_when_several_move_it_at_once) {
  add_many(990, "more");
  cursors at(*log_);
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<int> went_back{0};
  const auto mover = [&](std::uint64_t first) {
    for (std::uint64_t size = first; size <= 1'000; size += 4) {
      if (!at.set("site-b", size)) continue;  // another was faster
      std::uint64_t seen = acknowledged.load();
      while (seen < size && !acknowledged.compare_exchange_weak(seen, size)) continue;
      const std::uint64_t promised = acknowledged.load();
      if (at.get("site-b").value() < promised) ++went_back;
    }
  };
  std::vector<std::thread> movers;
  for (std::uint64_t first = 1; first <= 4; ++first) movers.emplace_back(mover, first);
  for (std::thread& mover_thread : movers) mover_thread.join();
  EXPECT_EQ(went_back, 0);
  EXPECT_EQ(at.get("site-b").value(), acknowledged);
}

TEST_F(cursor_test, a_cursor_never_passes_the_durable_end) {
  cursors at(*log_);
  EXPECT_EQ(at.set("site-b", 11).error().code, errc::conflict);
  EXPECT_EQ(at.get("site-b").value(), 0u);
}

TEST_F(cursor_test, a_name_has_limits) {
  cursors at(*log_);
  EXPECT_EQ(at.set("", 1).error().code, errc::invalid);
  EXPECT_EQ(at.set(std::string(256, 'x'), 1).error().code, errc::invalid);
  EXPECT_TRUE(at.set(std::string(255, 'x'), 1));
}

}  // namespace
}  // namespace longshore::log
