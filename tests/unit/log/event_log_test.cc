#include <algorithm>
#include <filesystem>
#include <random>

#include "log/layout.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

class event_log_test : public log_test {
 protected:
  void SetUp() override {
    open_and_start();
    add_many(20);
    sequencer_.reset();
  }
  template <class F>
  void change(F&& make) {
    storage::write_batch batch;
    make(batch);
    ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  }
  void expect_refused(std::uint64_t seq) {
    const auto again = event_log::open(*db_, "log");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, errc::corrupt);
    EXPECT_NE(again.error().text.find("record " + std::to_string(seq) + " "), std::string::npos) << again.error().text;
  }
};

TEST_F(event_log_test, an_empty_log_has_an_identity_and_no_records) {
  scratch_.clear();
  open();
  EXPECT_EQ(log_->durable_size(), 0u);
  EXPECT_EQ(log_->identity().size(), 32u);
  EXPECT_EQ(log_->root_at(0).value(), sha256({}));
  EXPECT_TRUE(log_->read({0}, 1'000)->records.empty());
  EXPECT_EQ(log_->record({0}).error().code, errc::not_found);
  EXPECT_EQ(log_->size_at({1}).value(), 0u);
  const std::string identity = log_->identity();
  open();
  EXPECT_EQ(log_->identity(), identity);
}

TEST_F(event_log_test, reopening_finds_the_same_records_end_and_root) {
  const auto before = records();
  const hash256 root = log_->root_at(20).value();
  const timestamp last = log_->last_recorded();
  open();
  EXPECT_EQ(log_->durable_size(), 20u);
  EXPECT_EQ(records(), before);
  EXPECT_EQ(log_->root_at(20).value(), root);
  EXPECT_EQ(log_->last_recorded(), last);
}

TEST_F(event_log_test, seq_counts_from_zero_without_gaps) {
  std::uint64_t expected = 0;
  for (const event& e : events()) EXPECT_EQ(e.seq.value, expected++);
  EXPECT_EQ(expected, 20u);
}

TEST_F(event_log_test, a_page_holds_what_fits_and_at_least_one_record) {
  const auto all = records();
  EXPECT_EQ(log_->read({0}, 1)->records.size(), 1u);
  EXPECT_EQ(log_->read({3}, all[3].size() + all[4].size())->records.size(), 2u);
  EXPECT_EQ(log_->read({3}, all[3].size() + all[4].size() - 1)->records.size(), 1u);
  const page rest = log_->read({15}, 1u << 20).value();
  EXPECT_EQ(rest.first.value, 15u);
  EXPECT_EQ(rest.records, std::vector<std::string>(all.begin() + 15, all.end()));
  EXPECT_TRUE(log_->read({20}, 1'000)->records.empty());
  EXPECT_TRUE(log_->read({1'000}, 1'000)->records.empty());
}

TEST_F(event_log_test, a_fold_stops_when_told_and_passes_failures_on) {
  std::uint64_t seen = 0;
  ASSERT_TRUE(log_->fold({5}, 100, [&](event_seq seq, std::string_view) -> result<bool> {
    EXPECT_EQ(seq.value, 5 + seen);
    return ++seen < 3;
  }));
  EXPECT_EQ(seen, 3u);
  const auto failed =
      log_->fold({0}, 20, [](event_seq, std::string_view) -> result<bool> { return fail(errc::throttled, "enough"); });
  EXPECT_EQ(failed.error().code, errc::throttled);
}

TEST_F(event_log_test, records_are_found_by_seq_and_by_id) {
  EXPECT_EQ(decode(log_->record({7}).value())->seq.value, 7u);
  EXPECT_EQ(log_->record({20}).error().code, errc::not_found);
  EXPECT_EQ(log_->find("registry", "e7").value(), event_seq{7});
  EXPECT_EQ(log_->find("registry", "e20").value(), std::nullopt);
  EXPECT_EQ(log_->find("another", "e7").value(), std::nullopt);
  EXPECT_EQ(log_->find("registry", "").value(), std::nullopt);
}

TEST_F(event_log_test, the_size_at_a_time_counts_what_was_recorded_by_then) {
  const auto all = events();
  EXPECT_EQ(log_->size_at({all[0].recorded.us - 1}).value(), 0u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(log_->size_at(all[i].recorded).value(), i + 1);
    EXPECT_EQ(log_->size_at({all[i].recorded.us + 1}).value(), i + 1);
  }
  EXPECT_EQ(log_->size_at({-5}).value(), 0u);
  EXPECT_EQ(log_->size_at({std::numeric_limits<std::int64_t>::max()}).value(), 20u);
}

TEST_F(event_log_test, roots_of_the_past_are_those_the_log_had) {
  frontier edge;
  const auto all = records();
  for (std::uint64_t n = 0; n < all.size(); ++n) {
    EXPECT_EQ(log_->root_at(n).value(), edge.root()) << n;
    edge.append(leaf_hash(all[n]));
  }
  EXPECT_EQ(log_->root_at(21).error().code, errc::not_found);
}

TEST_F(event_log_test, an_identity_is_adopted_only_while_empty) {
  EXPECT_EQ(log_->adopt_identity("another").error().code, errc::conflict);
  EXPECT_TRUE(log_->adopt_identity(log_->identity())) << "its own is no change";
  scratch_.clear();
  open();
  EXPECT_EQ(log_->adopt_identity("").error().code, errc::invalid);
  ASSERT_TRUE(log_->adopt_identity("primary's"));
  open();
  EXPECT_EQ(log_->identity(), "primary's");
}

TEST_F(event_log_test, a_missing_record_is_a_failure_not_an_end) {
  change([&](auto& batch) { batch.erase(log_->records(), to_key(11)); });
  open();
  const auto walked = log_->fold({0}, 20, [](event_seq, std::string_view) -> result<bool> { return true; });
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().code, errc::corrupt);
  EXPECT_NE(walked.error().text.find("record 11 "), std::string::npos) << walked.error().text;
  EXPECT_EQ(log_->read({11}, 100).error().code, errc::corrupt);
  EXPECT_EQ(log_->record({11}).error().code, errc::corrupt);
  EXPECT_TRUE(log_->read({12}, 100));
}

TEST_F(event_log_test, a_record_in_another_ones_place_is_a_failure) {
  const std::string other = log_->record({3}).value();
  change([&](auto& batch) { batch.put(log_->records(), to_key(11), other); });
  open();
  EXPECT_EQ(log_->record({11}).error().code, errc::corrupt);
  EXPECT_EQ(log_->read({11}, 100).error().code, errc::corrupt);
}

TEST_F(event_log_test, a_log_whose_last_record_is_gone_is_refused) {
  change([&](auto& batch) { batch.erase(log_->records(), to_key(19)); });
  expect_refused(19);
}

TEST_F(event_log_test, a_log_whose_last_record_was_changed_is_refused) {
  event e = decode(log_->record({19}).value()).value();
  e.repository = "rewritten";
  change([&](auto& batch) { batch.put(log_->records(), to_key(19), encode(e).value()); });
  expect_refused(19);
}

TEST_F(event_log_test, a_log_with_a_record_behind_its_end_is_refused) {
  event e = decode(log_->record({19}).value()).value();
  e.seq = {20};
  change([&](auto& batch) { batch.put(log_->records(), to_key(20), encode(e).value()); });
  expect_refused(20);
}

TEST_F(event_log_test, a_log_whose_merkle_hashes_do_not_lead_to_its_root_is_refused) {
  change([&](auto& batch) { batch.put(log_->merkle(), merkle_key(4, 0), bytes_of(sha256("x"))); });
  expect_refused(19);
}

TEST_F(event_log_test, a_log_without_its_merkle_hashes_is_refused) {
  change([&](auto& batch) { batch.erase(log_->merkle(), merkle_key(2, 4)); });
  expect_refused(16);
}

TEST_F(event_log_test, a_log_that_lost_all_records_is_refused) {
  ASSERT_TRUE(db_->clear(log_->records()));
  expect_refused(0);
}

TEST_F(event_log_test, reading_only_opens_an_unwritten_log_without_writing) {
  close();
  scratch_.clear();
  {
    const auto fresh = storage::database::open(options());
    ASSERT_TRUE(fresh) << fresh.error().text;
  }
  auto with = options();
  with.read_only = true;
  open(with);
  EXPECT_EQ(log_->identity(), "");
  EXPECT_EQ(log_->durable_size(), 0u);
}

// The records were written out, their dedup entries and the views' rows were not: without them a redelivery would be
// recorded twice, and a view would say that it is up to date.
TEST_F(event_log_test, an_older_write_ahead_log_that_lost_its_end_is_refused) {
  scratch_.clear();
  open_and_start();
  for (int i = 0; i < 1'100; ++i) {
    event e = push_of("team/app" + std::to_string(i), "id-" + std::to_string(i));
    std::mt19937 random(static_cast<unsigned>(i));
    e.detail.resize(50'000);
    for (char& c : e.detail) c = static_cast<char>(random());
    ASSERT_TRUE(append(*sequencer_, {e}));
  }
  close();
  std::vector<std::filesystem::path> logs;
  for (const auto& entry : std::filesystem::directory_iterator(options().path)) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  std::ranges::sort(logs);
  ASSERT_GE(logs.size(), 2u);
  // Only its last few commits: the Merkle hashes that opening looks at stand before and behind them.
  std::filesystem::resize_file(logs.front(), std::filesystem::file_size(logs.front()) - 700'000);
  auto opened = storage::database::open(options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt) << opened.error().text;
}

}  // namespace
}  // namespace longshore::log
