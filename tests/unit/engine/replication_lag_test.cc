#include "engine/replication_lag.h"

#include "engine/journal_records.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class replication_lag_test : public engine_world {
 protected:
  std::optional<open_work> oldest(const std::function<bool(std::string_view)>& selects = nullptr) {
    auto found = oldest_open(*desired_, *actual_, *log_, selects);
    EXPECT_TRUE(found) << found.error().text;
    return found ? *found : std::nullopt;
  }
  digest push(const std::string& repository, const std::string& tag) {
    const digest d = add_oci_image(source_, repository, {tag});
    source_.set_tag(repository, tag, d);
    say_pushed(repository, tag, d);
    return d;
  }
};

TEST_F(replication_lag_test, the_oldest_open_item_is_the_first_that_is_neither_there_nor_parked) {
  EXPECT_FALSE(oldest());
  push("b", "v1");
  const timestamp said = clock_.now();
  clock_.advance_us(1'000'000);
  push("a", "v1");
  push("b", "v2");
  ASSERT_TRUE(oldest());
  EXPECT_EQ(oldest()->repository, "b");
  EXPECT_EQ(oldest()->ref, "v1");
  EXPECT_EQ(oldest()->since, said);
  EXPECT_EQ(oldest([](std::string_view name) { return name != "b"; })->repository, "a");
  pass_over("b");
  EXPECT_EQ(oldest()->repository, "a");
  pass_over("a");
  EXPECT_FALSE(oldest());
}

TEST_F(replication_lag_test, open_items_are_counted_to_a_bound) {
  push("b", "v1");
  push("a", "v1");
  push("b", "v2");
  EXPECT_EQ(oldest()->open_items, 3u);
  EXPECT_FALSE(oldest()->more);
  pass_over("b");
  EXPECT_EQ(oldest()->open_items, 1u) << "however much of the log came after it";
  const digest d = push("many", "v");
  for (int n = 0; n < 1'100; ++n) say_pushed("many", "v" + std::to_string(n), d);
  EXPECT_EQ(oldest()->open_items, 1'000u);
  EXPECT_TRUE(oldest()->more);
  EXPECT_EQ(oldest()->repository, "a");
}

TEST_F(replication_lag_test, an_item_that_failed_is_open_and_one_that_is_parked_is_not) {
  push("a", "v1");
  target_.fail_always(away());
  pass_over("a");
  ASSERT_TRUE(oldest());
  std::optional<desired_item> item = *desired_->item("a", "v1");
  ASSERT_TRUE(run(journal_->append({record::item_parked(*item, {errc::unsupported, "no"})})));
  EXPECT_FALSE(oldest());
}

TEST(lag, of_a_site_that_never_reached_its_primary_counts_from_its_start) {
  follower_status f;
  f.started = {40'000'000};
  for (const auto state : {follower_state::connecting, follower_state::away, follower_state::refused}) {
    f.state = state;
    EXPECT_EQ(lag_of(std::nullopt, f, {100'000'000}).seconds, 60) << name_of(state);
  }
  f.caught_up = {10'000'000};  // by the process before it
  EXPECT_EQ(lag_of(std::nullopt, f, {100'000'000}).seconds, 90);
}

TEST(lag, is_the_age_of_the_oldest_open_item_or_of_the_last_contact_with_the_whole) {
  const timestamp now{100'000'000};
  follower_status f;
  f.state = follower_state::following;
  f.primary_size = f.own_size = 10;
  f.caught_up = {99'000'000};
  EXPECT_EQ(lag_of(std::nullopt, f, now).seconds, 0);
  EXPECT_EQ(lag_of(std::nullopt, f, now).events, 0u);
  const open_work open{"a", "v1", {4}, {70'000'000}};
  EXPECT_EQ(lag_of(open, f, now).seconds, 30);
  EXPECT_EQ(lag_of(open, f, now).events, 6u);
  f.state = follower_state::away;
  f.caught_up = {20'000'000};
  EXPECT_EQ(lag_of(open, f, now).seconds, 80);
  EXPECT_EQ(lag_of(std::nullopt, f, now).seconds, 80);
  f.state = follower_state::following;
  f.primary_size = 12;
  EXPECT_EQ(lag_of(std::nullopt, f, now).seconds, 80);
  EXPECT_EQ(lag_of(std::nullopt, f, now).events, 2u);
  f.caught_up = {};
  EXPECT_EQ(lag_of(std::nullopt, f, now).seconds, 0) << "it never was";
}

}  // namespace
}  // namespace longshore::engine
