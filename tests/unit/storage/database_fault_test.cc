// Whatever operation of the disk fails, a synced commit that returned success is there after reopening.

#include "tests/support/faulty_file_system.h"
#include "tests/unit/storage/database_fixture.h"

namespace longshore::storage {
namespace {

using longshore::testing::fault_scope;
using longshore::testing::faulty_file_system;
using longshore::testing::unsynced;

constexpr int commits = 6;

class database_faults : public database_test {
 protected:
  database_options faulty() const {
    auto o = options();
    o.file_system = disk_;
    return o;
  }
  // Commits pairs of rows until one fails; returns how many commits were acknowledged.
  int run() {
    int acknowledged = 0;
    for (int i = 0; i < commits; ++i) {
      write_batch batch;
      batch.put(db_->named("rows"), std::to_string(i), "row");
      batch.put(db_->named("records"), std::to_string(i), std::string(3'000, 'r'));
      if (const auto done = db_->commit(batch, durability::synced); !done) {
        EXPECT_TRUE(db_->poisoned());
        EXPECT_EQ(db_->commit(batch, durability::synced).error().code, errc::stopped) << "it stays so";
        EXPECT_EQ(rows("rows").size(), rows("records").size()) << "reads go on";
        break;
      }
      ++acknowledged;
    }
    return acknowledged;
  }
  // Reopens on a sound disk: all acknowledged commits, at most one more, each whole.
  void check(int acknowledged) {
    open();
    const auto found = rows("rows");
    EXPECT_GE(found.size(), static_cast<std::size_t>(acknowledged));
    EXPECT_LE(found.size(), static_cast<std::size_t>(acknowledged) + 1);
    EXPECT_EQ(found.size(), rows("records").size()) << "a batch is whole or absent";
    for (int i = 0; i < acknowledged; ++i) EXPECT_TRUE(found.contains(std::to_string(i))) << i;
    put("rows", "after", "1");
  }

  std::shared_ptr<faulty_file_system> disk_ = std::make_shared<faulty_file_system>();
};

TEST_F(database_faults, a_failed_write_or_sync_poisons_and_loses_nothing_acknowledged) {
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    scratch_.clear();
    disk_ = std::make_shared<faulty_file_system>();
    open(faulty());
    disk_->fail_at(fault_scope::write_ahead_log, n);
    const int acknowledged = run();
    if (!disk_->fired()) {
      EXPECT_EQ(acknowledged, commits);
      EXPECT_GE(n, 2u * commits) << "each commit appends and syncs";
      break;
    }
    EXPECT_LT(acknowledged, commits);
    check(acknowledged);
  }
}

TEST_F(database_faults, a_power_cut_at_any_operation_keeps_what_was_acknowledged) {
  for (const unsynced rest : {unsynced::forgotten, unsynced::half_kept}) {
    for (std::uint64_t n = 0;; ++n) {
      SCOPED_TRACE(n);
      scratch_.clear();
      disk_ = std::make_shared<faulty_file_system>();
      disk_->cut_power_at(fault_scope::everything, n);
      int acknowledged = 0;
      if (auto opened = database::open(faulty())) {
        db_ = *std::move(opened);
        acknowledged = run();
        db_.reset();
      }
      const bool fired = disk_->fired();
      disk_->restore_power(rest);
      check(acknowledged);
      if (!fired) break;
    }
  }
}

TEST_F(database_faults, a_commit_that_is_only_buffered_may_be_lost_in_a_power_cut) {
  open(faulty());
  put("rows", "synced", "1");
  put("rows", "buffered", "1", durability::buffered);
  disk_->cut_power_at(fault_scope::everything, 0);
  db_.reset();
  disk_->restore_power(unsynced::forgotten);
  open();
  EXPECT_EQ(get("rows", "synced"), "1");
  EXPECT_EQ(get("rows", "buffered"), std::nullopt) << "or the simulated disk forgets nothing, and proves nothing";
}

TEST_F(database_faults, a_buffered_commit_is_durable_after_a_later_synced_one) {
  open(faulty());
  put("rows", "buffered", "1", durability::buffered);
  put("rows", "synced", "1");
  disk_->cut_power_at(fault_scope::everything, 0);
  db_.reset();
  disk_->restore_power(unsynced::forgotten);
  open();
  EXPECT_EQ(get("rows", "buffered"), "1");
}

}  // namespace
}  // namespace longshore::storage
