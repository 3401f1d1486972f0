#include "log/quarantine.h"

#include <algorithm>

#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

class quarantine_test : public log_test {
 protected:
  void SetUp() override { reopen(); }
  void reopen(quarantine_limits limits = {}) {
    kept_.reset();
    open();
    auto opened = quarantine::open(*db_, limits);
    ASSERT_TRUE(opened) << opened.error().text;
    kept_ = *std::move(opened);
  }
  void TearDown() override { kept_.reset(); }
  static quarantined body(std::string source, std::string text) {
    return {0, {12}, std::move(source), "not JSON", "application/json", std::move(text)};
  }
  std::unique_ptr<quarantine> kept_;
};

TEST_F(quarantine_test, a_body_is_kept_verbatim_across_reopening) {
  std::string bytes("\0\xff{", 3);
  ASSERT_TRUE(kept_->add(body("gitlab", bytes)));
  ASSERT_TRUE(kept_->add(body("gitlab", "")));
  reopen();
  EXPECT_EQ(kept_->count(), 2u);
  const auto all = kept_->list(0, 10).value();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].number, 0u);
  EXPECT_EQ(all[0].received.us, 12);
  EXPECT_EQ(all[0].source, "gitlab");
  EXPECT_EQ(all[0].reason, "not JSON");
  EXPECT_EQ(all[0].content_type, "application/json");
  EXPECT_EQ(all[0].body, bytes);
  EXPECT_EQ(all[1].body, "");
}

TEST_F(quarantine_test, the_same_body_from_the_same_source_is_kept_once) {
  ASSERT_TRUE(kept_->add(body("a", "x")));
  ASSERT_TRUE(kept_->add(body("a", "x")));
  reopen();
  ASSERT_TRUE(kept_->add(body("a", "x")));
  EXPECT_EQ(kept_->count(), 1u);
  ASSERT_TRUE(kept_->add(body("b", "x")));
  ASSERT_TRUE(kept_->add(body("ax", "")));
  EXPECT_EQ(kept_->count(), 3u);
}

TEST_F(quarantine_test, when_the_newest_came_is_known_across_reopening) {
  EXPECT_EQ(kept_->newest_at().us, 0);
  ASSERT_TRUE(kept_->add(body("a", "x")));
  quarantined later = body("b", "y");
  later.received = {40};
  ASSERT_TRUE(kept_->add(later));
  EXPECT_EQ(kept_->newest_at().us, 40);
  reopen();
  EXPECT_EQ(kept_->newest_at().us, 40);
}

TEST_F(quarantine_test, listing_goes_on_from_a_number) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(kept_->add(body("a", std::to_string(i))));
  const auto page = kept_->list(2, 2).value();
  ASSERT_EQ(page.size(), 2u);
  EXPECT_EQ(page[0].number, 2u);
  EXPECT_EQ(page[1].body, "3");
  EXPECT_TRUE(kept_->list(5, 2)->empty());
}

TEST_F(quarantine_test, the_oldest_make_room_when_bytes_run_out_and_may_come_again) {
  const quarantine_limits limits{100, 20'000};
  reopen(limits);
  const std::string large(4'500, 'x');
  for (const char* source : {"a", "b", "c", "d", "e"}) ASSERT_TRUE(kept_->add(body(source, large)));
  EXPECT_EQ(kept_->count(), 5u);
  EXPECT_EQ(kept_->list(0, 10)->size(), 4u);
  EXPECT_EQ(kept_->list(0, 10)->front().source, "b");
  reopen(limits);
  ASSERT_TRUE(kept_->add(body("a", large)));
  EXPECT_EQ(kept_->count(), 6u) << "it is no repetition of one that is gone";
  EXPECT_EQ(kept_->list(0, 10)->front().source, "c");
  ASSERT_TRUE(kept_->add(body("f", std::string(50'000, 'x'))));
  EXPECT_EQ(kept_->list(0, 10)->size(), 1u) << "the newest is kept whatever its size";
}

TEST_F(quarantine_test, the_oldest_make_room_when_entries_run_out) {
  reopen({3, 1u << 20});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(kept_->add(body("a", std::to_string(i))));
  EXPECT_EQ(kept_->count(), 10u);
  const auto left = kept_->list(0, 10).value();
  ASSERT_EQ(left.size(), 3u);
  EXPECT_EQ(left.front().number, 7u);
}

TEST_F(quarantine_test, one_source_does_not_flush_what_the_others_left) {
  reopen({10, 1u << 20});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(kept_->add(body("quiet", std::to_string(i))));
  const auto of = [&](const std::string& source) {
    const auto all = kept_->list(0, 100).value();
    return std::ranges::count(all, source, &quarantined::source);
  };
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(kept_->add(body("loud", std::to_string(i))));
    if (i == 20) reopen({10, 1u << 20});
  }
  EXPECT_EQ(of("quiet"), 3);
  EXPECT_EQ(of("loud"), 7);
  EXPECT_EQ(kept_->list(0, 100)->back().body, "49");
  for (int i = 3; i < 50; ++i) ASSERT_TRUE(kept_->add(body("quiet", std::to_string(i))));
  EXPECT_EQ(of("quiet"), 5) << "as many as the other, when both want room";
  EXPECT_EQ(of("loud"), 5);
}

TEST_F(quarantine_test, large_bodies_of_one_source_make_room_for_themselves) {
  reopen({100, 20'000});
  ASSERT_TRUE(kept_->add(body("quiet", "small")));
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(kept_->add(body("loud", std::string(4'500, static_cast<char>('a' + i)))));
  EXPECT_EQ(kept_->list(0, 100)->front().source, "quiet");
}

}  // namespace
}  // namespace longshore::log
