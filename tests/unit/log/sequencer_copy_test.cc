// A log that copies another: only an exact continuation is applied, and what is applied is the same log.

#include "log/projection.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

class copy_test : public log_test {
 protected:
  void SetUp() override {
    open_and_start();
    add_many(30);
    records_ = records();
    for (std::uint64_t n = 0; n <= 30; ++n) roots_.push_back(log_->root_at(n).value());
    identity_ = log_->identity();
    sequencer_.reset();
    view_digest_ = digest_of_view();
    close();
    scratch_.clear();
    open_and_start();
  }
  std::vector<std::string> part(std::size_t from, std::size_t to) const {
    return {records_.begin() + static_cast<std::ptrdiff_t>(from), records_.begin() + static_cast<std::ptrdiff_t>(to)};
  }
  void copy(std::size_t from, std::size_t to) {
    const auto outcome = append_copy(*sequencer_, {from}, part(from, to), roots_[to]);
    ASSERT_TRUE(outcome) << outcome.error().text;
    EXPECT_EQ(outcome->appended, to - from);
    EXPECT_EQ(log_->durable_size(), to);
  }
  void expect_refused(std::size_t first, std::vector<std::string> records, const hash256& root) {
    const std::uint64_t size = log_->durable_size();
    const auto outcome = append_copy(*sequencer_, {first}, std::move(records), root);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::conflict) << outcome.error().text;
    EXPECT_EQ(log_->durable_size(), size);
    EXPECT_EQ(applied_size(*log_, *view_).value(), size);
    EXPECT_FALSE(sequencer_->failed());
  }

  std::vector<std::string> records_;
  std::vector<hash256> roots_;
  std::string identity_, view_digest_;
};

TEST_F(copy_test, a_copy_in_pages_is_the_same_log) {
  ASSERT_TRUE(log_->adopt_identity(identity_));
  copy(0, 1);
  copy(1, 14);
  open_and_start();
  copy(14, 30);
  EXPECT_EQ(records(), records_);
  EXPECT_EQ(log_->root_at(30).value(), roots_[30]);
  EXPECT_EQ(log_->identity(), identity_);
  EXPECT_EQ(log_->find("registry", "e17").value(), event_seq{17});
  EXPECT_EQ(log_->size_at(decode(records_[9])->recorded).value(), 10u);
  EXPECT_EQ(digest_of_view(), view_digest_);
  sequencer_.reset();
  EXPECT_FALSE(verified().bad);
}

TEST_F(copy_test, a_gap_or_an_overlap_is_refused) {
  copy(0, 10);
  expect_refused(11, part(11, 20), roots_[20]);
  expect_refused(9, part(9, 20), roots_[20]);
  expect_refused(0, part(0, 10), roots_[10]);
  expect_refused(10, part(11, 20), roots_[20]);
  copy(10, 20);
}

TEST_F(copy_test, records_out_of_order_doubled_or_dropped_are_refused) {
  copy(0, 10);
  auto swapped = part(10, 20);
  std::swap(swapped[3], swapped[4]);
  expect_refused(10, swapped, roots_[20]);
  auto doubled = part(10, 20);
  doubled.insert(doubled.begin() + 5, doubled[5]);
  expect_refused(10, doubled, roots_[20]);
  auto dropped = part(10, 20);
  dropped.erase(dropped.begin() + 5);
  expect_refused(10, dropped, roots_[20]);
  copy(10, 30);
}

TEST_F(copy_test, any_changed_byte_is_refused) {
  copy(0, 10);
  for (std::size_t at = 0; at < records_[12].size(); ++at) {
    auto changed = part(10, 15);
    changed[2][at] = static_cast<char>(changed[2][at] ^ 0x04);
    expect_refused(10, changed, roots_[15]);
  }
  copy(10, 15);
}

TEST_F(copy_test, a_root_that_is_not_theirs_is_refused) {
  copy(0, 10);
  expect_refused(10, part(10, 20), roots_[19]);
  expect_refused(10, part(10, 20), roots_[10]);
  expect_refused(10, part(10, 20), hash256{});
}

TEST_F(copy_test, a_history_that_was_rewritten_is_refused_from_then_on) {
  copy(0, 10);
  // The primary lost its tail and recorded something else at 9.
  frontier other;
  for (std::size_t i = 0; i < 9; ++i) other.append(leaf_hash(records_[i]));
  event e = decode(records_[9]).value();
  e.repository = "another/past";
  other.append(leaf_hash(encode(e).value()));
  std::vector<std::string> on = part(10, 12);
  for (const auto& record : on) other.append(leaf_hash(record));
  expect_refused(10, on, other.root());
}

TEST_F(copy_test, time_that_runs_backwards_is_refused) {
  copy(0, 10);
  event e = decode(records_[10]).value();
  e.recorded = {decode(records_[9])->recorded.us - 1};
  const std::string record = encode(e).value();
  frontier edge;
  for (std::size_t i = 0; i < 10; ++i) edge.append(leaf_hash(records_[i]));
  edge.append(leaf_hash(record));
  expect_refused(10, {record}, edge.root());
}

TEST_F(copy_test, what_is_no_record_is_refused) {
  frontier edge;
  edge.append(leaf_hash("garbage"));
  expect_refused(0, {"garbage"}, edge.root());
  expect_refused(0, {std::string(100'000, 'x')}, edge.root());
}

}  // namespace
}  // namespace longshore::log
