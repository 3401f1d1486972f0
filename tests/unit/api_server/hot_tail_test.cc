#include "api/hot_tail.h"

#include "api/log_frames.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

class hot_tail_test : public site_test {
 protected:
  // What event_log::read gives for the same question, as frames.
  std::pair<std::uint64_t, std::string> cold(std::uint64_t from, std::size_t bytes_max) {
    std::string frames;
    const auto page = log_->read({from}, bytes_max);
    EXPECT_TRUE(page);
    for (const std::string& record : page->records) append_record_frame(frames, record);
    return {from + page->records.size(), frames};
  }
  void fill(int commits) {
    int n = 0;
    for (int i = 0; i < commits; ++i) {
      std::vector<log::event> events;
      for (int k = 0; k <= i % 5; ++k) events.push_back(push_of("r", ++n));
      append(std::move(events));
    }
    await([&] { return hot_->end() == size(); });
  }
};

TEST_F(hot_tail_test, gives_the_same_bytes_as_the_log_for_every_position_and_size) {
  open();
  fill(20);
  EXPECT_EQ(hot_->first(), 0u);
  for (const std::size_t bytes :
       {std::size_t{1}, std::size_t{300}, std::size_t{1'000}, std::size_t{5'000}, std::size_t{1} << 20}) {
    for (std::uint64_t from = 0; from < size(); ++from) {
      const auto page = on_server([&] { return hot_->read({from}, bytes); });
      ASSERT_TRUE(page) << from;
      const auto [end, frames] = cold(from, bytes);
      ASSERT_EQ(page->size, end) << from << " " << bytes;
      ASSERT_EQ(page->shared ? *page->shared : page->own, frames) << from << " " << bytes;
    }
  }
}

TEST_F(hot_tail_test, its_memory_is_bounded_and_the_oldest_commits_go_first) {
  hot_bytes_max_ = 4'000;
  open();
  fill(60);
  EXPECT_LE(hot_->held_bytes(), 4'000u);
  EXPECT_GT(hot_->first(), 0u);
  EXPECT_EQ(hot_->end(), size());
  EXPECT_FALSE(on_server([&] { return hot_->read({hot_->first() - 1}, 100).has_value(); }));
  EXPECT_FALSE(on_server([&] { return hot_->read({hot_->end()}, 100).has_value(); }));
}

TEST_F(hot_tail_test, roots_at_the_end_of_commits_are_the_logs) {
  open();
  fill(12);
  int found = 0;
  for (std::uint64_t n = 0; n <= size(); ++n) {
    const auto root = on_server([&] { return hot_->root_at(n); });
    if (!root) continue;
    ++found;
    ASSERT_TRUE(*root);
    EXPECT_EQ(**root, *log_->root_at(n));
  }
  EXPECT_EQ(found, 12);
}

}  // namespace
}  // namespace longshore::api
