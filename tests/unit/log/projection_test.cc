#include "log/projection.h"

#include "log/layout.h"
#include "tests/support/leaky_library.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

using projection_test = log_test;

TEST_F(projection_test, a_live_view_equals_its_rebuild) {
  open_and_start();
  add_many(300);
  sequencer_.reset();
  EXPECT_EQ(applied_size(*log_, *view_).value(), 300u);
  const std::string live = digest_of_view();
  EXPECT_EQ(digest_of_rebuilt_view(), live);
  EXPECT_EQ(digest_of_rebuilt_view(), live) << "and again";
}

TEST_F(projection_test, a_rebuild_mends_rows_that_should_not_be_there) {
  open_and_start();
  add_many(20);
  sequencer_.reset();
  const std::string live = digest_of_view();
  storage::write_batch batch;
  batch.put(db_->named("counting.rows"), "stray", "row");
  batch.erase(db_->named("counting.rows"), "team/app-1");
  ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  EXPECT_NE(digest_of_view(), live) << "a digest sees every row";
  EXPECT_EQ(digest_of_rebuilt_view(), live);
}

TEST_F(projection_test, a_digest_tells_rows_and_positions_apart) {
  open_and_start();
  add_many(7);
  const std::string at_7 = digest_of_view();
  add_many(1, "again");
  EXPECT_NE(digest_of_view(), at_7);
}

TEST_F(projection_test, a_new_view_is_caught_up_when_the_sequencer_starts) {
  open();
  auto without = sequencer::start(*log_, {}, clock_, {}).value();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(*without, {push_of("a", std::to_string(i))}));
  without.reset();
  EXPECT_EQ(applied_size(*log_, *view_).value(), 0u);
  start();
  EXPECT_EQ(applied_size(*log_, *view_).value(), 50u);
  add("a", "50");
  sequencer_.reset();
  const std::string live = digest_of_view();
  EXPECT_EQ(digest_of_rebuilt_view(), live);
}

TEST_F(projection_test, catching_up_stops_where_it_is_told_and_goes_on_later) {
  open();
  auto without = sequencer::start(*log_, {}, clock_, {}).value();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(append(*without, {push_of("a", std::to_string(i))}));
  without.reset();
  ASSERT_TRUE(catch_up(*log_, *view_, 20));
  EXPECT_EQ(applied_size(*log_, *view_).value(), 20u);
  ASSERT_TRUE(catch_up(*log_, *view_, 10)) << "never back";
  EXPECT_EQ(applied_size(*log_, *view_).value(), 20u);
  ASSERT_TRUE(catch_up(*log_, *view_, 1'000));
  EXPECT_EQ(applied_size(*log_, *view_).value(), 50u);
  const std::string caught_up = digest_of_view();
  EXPECT_EQ(digest_of_rebuilt_view(), caught_up);
}

TEST_F(projection_test, a_rebuild_cut_short_at_any_operation_is_finished_by_the_next_start) {
  open_and_start();
  add_many(40);
  close();
  open();
  const std::string sound = digest_of_view();
  close();
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    auto disk = std::make_shared<longshore::testing::faulty_file_system>();
    auto with = options();
    with.file_system = disk;
    open(with);
    disk->cut_power_at(longshore::testing::fault_scope::everything, n);
    const auto done = [&] {
      const longshore::testing::leaky_library rocksdb;
      return rebuild(*log_, *view_);
    }();
    const bool fired = disk->fired();
    close();
    disk->restore_power(longshore::testing::unsynced::half_kept);
    open_and_start();
    sequencer_.reset();
    ASSERT_EQ(digest_of_view(), sound);
    if (!fired) {
      EXPECT_TRUE(done);
      break;
    }
  }
}

TEST_F(projection_test, a_view_ahead_of_its_log_is_refused) {
  open_and_start();
  add_many(3);
  sequencer_.reset();
  storage::write_batch batch;
  batch.put(log_->meta(), applied_key("counting"), to_key(4));
  ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  EXPECT_EQ(applied_size(*log_, *view_).error().code, errc::corrupt);
  const auto started = sequencer::start(*log_, {view_.get()}, clock_, {});
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, errc::corrupt);
}

TEST_F(projection_test, a_view_of_another_format_is_emptied_and_folded_anew) {
  open_and_start();
  add_many(20);
  sequencer_.reset();
  storage::write_batch batch;
  batch.put(db_->named("counting.rows"), "a row", "of the form before");
  ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  for (const std::uint64_t format : {2u, 3u, 1u}) {
    view_->set_format(format);
    EXPECT_EQ(applied_size(*log_, *view_).value(), 0u) << "nothing is folded in this form";
    start();
    EXPECT_EQ(applied_size(*log_, *view_).value(), 20u);
    sequencer_.reset();
    const std::string live = digest_of_view();
    EXPECT_EQ(digest_of_rebuilt_view(), live);
    EXPECT_FALSE(db_->get(db_->named("counting.rows"), "a row").value());
  }
}

TEST_F(projection_test, a_view_stays_of_its_format_as_it_goes_on) {
  open();
  view_->set_format(2);
  start();
  add_many(5);
  sequencer_.reset();
  EXPECT_EQ(applied_size(*log_, *view_).value(), 5u);
  view_->set_format(1);
  EXPECT_EQ(applied_size(*log_, *view_).value(), 0u);
}

TEST_F(projection_test, the_state_as_it_was_is_replayed_into_another_database) {
  open_and_start();
  add_many(25);
  const std::string then = digest_of_view();
  std::map<std::string, std::string> rows_then;
  for (auto rows = db_->range(db_->named("counting.rows"), {}); rows.valid(); rows.next()) {
    rows_then.emplace(rows.key(), rows.value());
  }
  add_many(30, "later");
  EXPECT_NE(digest_of_view(), then);

  auto with = options();
  with.path = scratch_.path() / "scratch";
  auto scratch = storage::database::open(with).value();
  counting_view past(*scratch);
  ASSERT_TRUE(replay(*log_, *scratch, past, 25));
  std::map<std::string, std::string> rows_again;
  for (auto rows = scratch->range(scratch->named("counting.rows"), {}); rows.valid(); rows.next()) {
    rows_again.emplace(rows.key(), rows.value());
  }
  EXPECT_EQ(rows_again, rows_then);
}

}  // namespace
}  // namespace longshore::log
