// Whatever operation of the disk fails, and whenever the power is cut: acknowledged events are there, each once, and a
// sender who repeats what was not acknowledged ends with each event once.

#include <set>

#include "log/projection.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

using longshore::testing::fault_scope;
using longshore::testing::faulty_file_system;
using longshore::testing::unsynced;

struct history {
  std::set<std::string> acknowledged, unknown;
};

class sequencer_faults : public log_test {
 protected:
  static std::vector<std::vector<event>> submissions() {
    std::vector<std::vector<event>> all;
    for (int i = 0; i < 6; ++i) {
      std::vector<event> some;
      for (int j = 0; j <= i % 3; ++j) {
        event e = push_of("repo-" + std::to_string(j), std::to_string(i) + "." + std::to_string(j));
        e.detail.assign(500, 'd');
        some.push_back(std::move(e));
      }
      all.push_back(std::move(some));
    }
    return all;
  }

  storage::database_options faulty() const {
    auto o = options();
    o.file_system = disk_;
    return o;
  }

  // Submits one after the other until the first failure.
  history run() {
    history h;
    for (const auto& s : submissions()) {
      const auto outcome = append(*sequencer_, s);
      for (const event& e : s) (outcome ? h.acknowledged : h.unknown).insert(e.id);
      if (outcome) continue;
      EXPECT_EQ(outcome.error().code, errc::unknown_outcome) << outcome.error().text;
      EXPECT_TRUE(sequencer_->failed());
      const auto later = append(*sequencer_, {push_of("a", "later")});
      EXPECT_EQ(later.error().code, errc::stopped);
      EXPECT_EQ(ids().size(), h.acknowledged.size()) << "readers never see what is not acknowledged";
      break;
    }
    return h;
  }

  std::multiset<std::string> ids() const {
    std::multiset<std::string> found;
    for (const event& e : events()) found.insert(e.id);
    return found;
  }

  // On a sound disk: nothing acknowledged is lost, nothing is there that was never sent, and all again is each once.
  void recover(const history& h) {
    open_and_start();
    const auto found = ids();
    for (const std::string& id : h.acknowledged) EXPECT_EQ(found.count(id), 1u) << id;
    for (const std::string& id : found) EXPECT_TRUE(h.acknowledged.contains(id) || h.unknown.contains(id)) << id;
    const std::size_t either = found.size() - h.acknowledged.size();
    EXPECT_TRUE(either == 0 || either == h.unknown.size()) << "a submission is there whole or not at all";
    std::size_t sent = 0;
    for (const auto& s : submissions()) {
      ASSERT_TRUE(append(*sequencer_, s));
      sent += s.size();
    }
    const auto after = ids();
    EXPECT_EQ(after.size(), sent);
    EXPECT_EQ(std::set<std::string>(after.begin(), after.end()).size(), sent);
    sequencer_.reset();
    const auto v = verified();
    EXPECT_FALSE(v.bad) << v.bad->what;
    const std::string live = digest_of_view();
    EXPECT_EQ(digest_of_rebuilt_view(), live) << "views moved with the log";
  }

  std::shared_ptr<faulty_file_system> disk_;
};

TEST_F(sequencer_faults, a_failed_write_or_sync_stops_the_log_and_loses_nothing_acknowledged) {
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    scratch_.clear();
    disk_ = std::make_shared<faulty_file_system>();
    open(faulty());
    start();
    disk_->fail_at(fault_scope::write_ahead_log, n);
    const history h = run();
    const bool fired = disk_->fired();
    EXPECT_EQ(fired, !h.unknown.empty());
    recover(h);
    close();
    if (!fired) {
      EXPECT_GE(n, 12u) << "each commit appends and syncs";
      break;
    }
  }
}

TEST_F(sequencer_faults, a_power_cut_at_any_write_keeps_what_was_acknowledged) {
  for (const unsynced rest : {unsynced::forgotten, unsynced::half_kept}) {
    for (std::uint64_t n = 0;; ++n) {
      SCOPED_TRACE(n);
      scratch_.clear();
      disk_ = std::make_shared<faulty_file_system>();
      open(faulty());
      start();
      disk_->cut_power_at(fault_scope::everything, n);
      const history h = run();
      const bool fired = disk_->fired();
      close();
      disk_->restore_power(rest);
      recover(h);
      close();
      if (!fired) break;
    }
  }
}

TEST_F(sequencer_faults, a_disk_that_fails_while_the_log_is_created_leaves_one_that_can_be_created) {
  for (std::uint64_t n = 0;; n += 3) {
    SCOPED_TRACE(n);
    scratch_.clear();
    disk_ = std::make_shared<faulty_file_system>();
    disk_->cut_power_at(fault_scope::everything, n);
    if (auto db = storage::database::open(faulty())) {
      static_cast<void>(event_log::open(**db, "log").has_value());
    }
    const bool fired = disk_->fired();
    disk_->restore_power(unsynced::half_kept);
    recover({});
    close();
    if (!fired) break;
  }
}

// The negative control: the same harness must see a log that acknowledges before it syncs.
TEST_F(sequencer_faults, acknowledging_before_the_sync_is_caught_by_a_power_cut) {
  disk_ = std::make_shared<faulty_file_system>();
  open(faulty());
  sequencer_options with;
  with.broken.acknowledge_before_sync = true;
  start(with);
  std::size_t acknowledged = 0;
  for (const auto& s : submissions()) {
    if (append(*sequencer_, s)) acknowledged += s.size();
  }
  sequencer_->stop();
  disk_->cut_power_at(fault_scope::everything, 0);
  close();
  disk_->restore_power(unsynced::forgotten);
  open();
  EXPECT_LT(ids().size(), acknowledged);
}

TEST_F(sequencer_faults, a_view_written_outside_the_batch_is_caught_by_a_power_cut) {
  disk_ = std::make_shared<faulty_file_system>();
  open(faulty());
  sequencer_options with;
  with.broken.view_outside_batch = true;
  start(with);
  for (const auto& s : submissions()) ASSERT_TRUE(append(*sequencer_, s));
  sequencer_->stop();
  disk_->cut_power_at(fault_scope::everything, 0);
  close();
  disk_->restore_power(unsynced::forgotten);
  open();
  const std::string after_the_cut = digest_of_view();
  EXPECT_NE(digest_of_rebuilt_view(), after_the_cut);
}

TEST_F(sequencer_faults, every_waiting_submission_is_told_when_the_log_fails) {
  disk_ = std::make_shared<faulty_file_system>();
  open(faulty());
  start();
  add("a", "sound");
  disk_->fail_at(fault_scope::write_ahead_log, 0);
  std::atomic<int> told{0};
  for (int i = 0; i < 500; ++i) {
    const auto queued = sequencer_->submit({push_of("a", std::to_string(i))}, [&](const auto& o) {
      ASSERT_FALSE(o);
      EXPECT_TRUE(o.error().code == errc::unknown_outcome || o.error().code == errc::stopped);
      ++told;
    });
    if (!queued) {
      EXPECT_EQ(queued.error().code, errc::stopped);
      ++told;
    }
  }
  sequencer_->stop();
  EXPECT_EQ(told, 500);
  EXPECT_EQ(events().size(), 1u) << "reads go on";
}

}  // namespace
}  // namespace longshore::log
