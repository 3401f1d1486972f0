// Uploads that break, and what is sent, read and left behind because of it.

#include "engine/blob_transfer.h"

#include "engine/copier.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;
using fault_at = memory_registry::fault_at;

class blob_transfer_test : public engine_world {
 protected:
  static constexpr std::uint64_t grain = 16'384;

  blob_transfer_test() {
    copier_options_.buffer_bytes = 4'096;
    copier_options_.journal_bytes_min = 20'000;
    target_.does.upload_grain = grain;
  }
  std::string add(const std::string& repository, std::size_t size, char seed) {
    std::string bytes(size, seed);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(seed + static_cast<char>(i * i % 59));
    source_.add_blob(repository, bytes);
    return bytes;
  }
  result<blob_outcome> bring(const std::string& repository, const std::string& bytes) {
    if (!copier_) fresh_copier();
    return run(copier_->bring({repository, digest::of(bytes), bytes.size(), {}, nullptr}));
  }
  void expect_whole(const std::string& repository, const std::string& bytes) {
    const auto* b = target_.blob(repository, digest::of(bytes));
    ASSERT_NE(b, nullptr);
    EXPECT_TRUE(b->bytes == bytes);
  }
  std::size_t left() { return where_->open_uploads(100)->size(); }
  // Runs the copy until its upload has taken this many bytes, then stops it.
  void bring_and_stop(const std::string& repository, const std::string& bytes, std::uint64_t after) {
    fresh_copier();
    target_.before = [this, d = digest::of(bytes), after](const memory_registry::call& c) {
      if (c.verb == "write" && target_.bytes_received(d) >= after) copier_->stop();
    };
    const auto stopped = bring(repository, bytes);
    target_.before = nullptr;
    ASSERT_FALSE(stopped);
    EXPECT_EQ(stopped.error().code, errc::stopped);
  }
};

TEST_F(blob_transfer_test, an_upload_that_breaks_goes_on_after_what_the_target_kept) {
  const auto bytes = add("r", 100'000, 'a');
  const auto d = digest::of(bytes);
  target_.fail_operation(15, away());
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_EQ(copier_->counters().uploads_resumed, 1u);
  EXPECT_EQ(target_.count("begin_blob"), 1u);
  EXPECT_LE(target_.bytes_received(d), bytes.size() + grain);
  EXPECT_LE(source_.bytes_served(d), bytes.size() + grain + 2 * copier_options_.buffer_bytes);
  EXPECT_EQ(copier_->counters().bytes_only_hashed, 0u) << "the hash went on where it was";
}

TEST_F(blob_transfer_test, whichever_operation_of_the_target_fails_at_most_one_grain_is_sent_again) {
  for (const auto at : {fault_at::before, fault_at::after}) {
    bool failed = true;
    for (std::uint64_t n = 1; failed; ++n) {  // operation 0 asks whether the blob is there
      ASSERT_LT(n, 100u);
      const std::string repository = std::string(at == fault_at::before ? "b" : "a") + std::to_string(n);
      const auto bytes = add(repository, 70'001, static_cast<char>('a' + n % 20)) + "";
      const std::string own = bytes + repository;
      source_.add_blob(repository, own);
      fresh_copier();
      const auto before = target_.operations();
      target_.fail_operation(n, away(), at);
      auto outcome = bring(repository, own);
      failed = target_.operations() - before > n;
      const bool at_begin = n == 1;
      if (at_begin) {
        EXPECT_FALSE(outcome);
        outcome = bring(repository, own);
      }
      ASSERT_TRUE(outcome) << n << " " << outcome.error().text;
      expect_whole(repository, own);
      EXPECT_LE(target_.bytes_received(digest::of(own)), own.size() + grain) << n;
      EXPECT_EQ(left(), 0u);
      EXPECT_EQ(target_.open_sessions(), 0) << n;
      target_.forget_sessions();
    }
    target_.forget_faults();
  }
}

TEST_F(blob_transfer_test, an_upload_that_breaks_again_and_again_goes_on_as_long_as_it_gets_further) {
  const auto bytes = add("r", 400'000, 'a');
  target_.before = [&](const memory_registry::call& c) {
    // After every fifth write; a grain is four.
    if (c.verb == "write" && target_.count("write") % 6 == 5) target_.fail_operation(1, away());
  };
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_GT(copier_->counters().uploads_resumed, 10u);
  EXPECT_EQ(target_.count("begin_blob"), 1u);
}

TEST_F(blob_transfer_test, an_upload_without_progress_ends_after_bounded_tries) {
  const auto bytes = add("r", 100'000, 'a');
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "write") target_.fail_operation(0, away());
  };
  pauses_.asked.clear();
  const auto outcome = bring("r", bytes);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unavailable);
  EXPECT_EQ(pauses_.asked, (std::vector<std::int64_t>{200, 400, 800, 1'600, 3'200}));
}

TEST_F(blob_transfer_test, a_pause_the_registry_asks_for_is_made_and_too_long_a_one_is_the_callers) {
  const auto bytes = add("r", 10'000, 'a');
  target_.fail_operation(2, {errc::throttled, "slow down", 7'000});
  ASSERT_TRUE(bring("r", bytes));
  EXPECT_EQ(pauses_.asked, std::vector<std::int64_t>{7'000});
  const auto other = add("r", 10'000, 'b');
  target_.forget_calls();
  target_.fail_operation(2, {errc::throttled, "slow down", 600'000});
  const auto outcome = bring("r", other);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().retry_after_ms, 600'000);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, a_session_the_target_forgot_is_replaced) {
  const auto bytes = add("r", 100'000, 'a');
  int times = 1;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "write" && target_.bytes_received(digest::of(bytes)) > 50'000 && times-- > 0) {
      target_.forget_sessions();
    }
  };
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_EQ(copier_->counters().uploads_begun_again, 1u);
  EXPECT_EQ(target_.open_sessions(), 0);
  EXPECT_EQ(left(), 0u);
}

TEST_F(blob_transfer_test, a_target_without_resumption_gets_a_new_session_and_the_old_one_is_cancelled) {
  target_.does.resumes = false;
  const auto bytes = add("r", 100'000, 'a');
  target_.fail_operation(15, away());
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_EQ(target_.count("begin_blob"), 2u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, a_lost_answer_to_the_last_request_is_looked_up_and_nothing_is_sent_again) {
  const auto bytes = add("r", 50'000, 'a');
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "finish") target_.fail_operation(0, away(), fault_at::after);
  };
  ASSERT_TRUE(bring("r", bytes));
  EXPECT_EQ(target_.bytes_received(digest::of(bytes)), bytes.size());
  EXPECT_EQ(target_.count("begin_blob"), 1u);
}

TEST_F(blob_transfer_test, when_only_the_end_fails_nothing_is_read_or_sent_again) {
  const auto bytes = add("r", 4 * grain, 'a');
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "finish" && target_.count("finish") <= 2) target_.fail_operation(0, away());
  };
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_EQ(source_.count("open_blob"), 1u);
  EXPECT_EQ(target_.bytes_received(digest::of(bytes)), bytes.size());
}

TEST_F(blob_transfer_test, after_a_restart_an_upload_goes_on_and_the_bytes_before_are_hashed_again) {
  const auto bytes = add("r", 100'000, 'a');
  const auto d = digest::of(bytes);
  for (std::uint64_t after = 0; after < bytes.size() - 4'096; after += 4'096) {
    const std::string repository = "r" + std::to_string(after);
    const std::string own = bytes + repository;
    source_.add_blob(repository, own);
    bring_and_stop(repository, own, after);
    ASSERT_EQ(left(), 1u);
    EXPECT_EQ(target_.open_sessions(), 1);
    fresh_copier();
    ASSERT_TRUE(bring(repository, own));
    expect_whole(repository, own);
    EXPECT_EQ(target_.count("begin_blob", digest::of(own).text()), 1u);
    EXPECT_LE(target_.bytes_received(digest::of(own)), own.size() + grain) << after;
    // The write that was under way when the stop came has been taken.
    EXPECT_EQ(copier_->counters().bytes_only_hashed, (after + 4'096) / grain * grain);
    EXPECT_EQ(left(), 0u);
    EXPECT_EQ(target_.open_sessions(), 0);
  }
}

TEST_F(blob_transfer_test, the_session_of_a_small_blob_does_not_outlast_a_stop) {
  const auto bytes = add("r", 19'000, 'a');
  bring_and_stop("r", bytes, 8'000);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, other_bytes_than_those_of_the_first_run_are_never_published) {
  const auto bytes = add("r", 100'000, 'a');
  bring_and_stop("r", bytes, 50'000);
  source_.corrupt_body(digest::of(bytes));
  fresh_copier();
  const auto outcome = bring("r", bytes);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_EQ(target_.count("finish"), 0u);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, a_session_gone_over_a_restart_is_replaced_and_struck_off) {
  const auto bytes = add("r", 100'000, 'a');
  bring_and_stop("r", bytes, 50'000);
  target_.forget_sessions();
  fresh_copier();
  ASSERT_TRUE(bring("r", bytes));
  expect_whole("r", bytes);
  EXPECT_EQ(left(), 0u);
}

TEST_F(blob_transfer_test, a_session_left_for_a_blob_that_is_mounted_instead_is_cancelled) {
  const auto bytes = add("r", 100'000, 'a');
  source_.add_blob("other", bytes);
  bring_and_stop("r", bytes, 50'000);
  fresh_copier();
  ASSERT_TRUE(bring("other", bytes));
  EXPECT_EQ(left(), 1u);
  EXPECT_EQ(*bring("r", bytes), blob_outcome::mounted);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, sessions_nobody_wants_are_given_up_when_asked) {
  const auto bytes = add("r", 100'000, 'a');
  bring_and_stop("r", bytes, 50'000);
  fresh_copier();
  EXPECT_EQ(run(copier_->cancel_left_uploads(clock_.now())).value(), 0u) << "it is not older than that";
  clock_.advance_us(1'000'000);
  target_.fail_always(away());
  EXPECT_FALSE(run(copier_->cancel_left_uploads(clock_.now())));
  EXPECT_EQ(left(), 1u) << "a target that is away is asked again later";
  target_.fail_always(std::nullopt);
  EXPECT_EQ(run(copier_->cancel_left_uploads(clock_.now())).value(), 1u);
  EXPECT_EQ(left(), 0u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(blob_transfer_test, whichever_operation_fails_over_a_restart_the_blob_arrives_and_no_session_stays) {
  bool failed = true;
  for (std::uint64_t n = 0; failed; ++n) {
    ASSERT_LT(n, 100u);
    const std::string repository = "r" + std::to_string(n);
    const auto bytes = add(repository, 60'000, 'a') + repository;
    source_.add_blob(repository, bytes);
    bring_and_stop(repository, bytes, 40'000);
    fresh_copier();
    const auto before = target_.operations();
    target_.fail_operation(n, away());
    auto outcome = bring(repository, bytes);
    failed = target_.operations() - before > n;
    if (!outcome) outcome = bring(repository, bytes);
    ASSERT_TRUE(outcome) << n << " " << outcome.error().text;
    expect_whole(repository, bytes);
    EXPECT_LE(target_.bytes_received(digest::of(bytes)), bytes.size() + 2 * grain);
    EXPECT_EQ(left(), 0u) << n;
    EXPECT_EQ(target_.open_sessions(), 0) << n;
  }
}

TEST_F(blob_transfer_test, without_a_journal_no_session_is_left_behind) {
  transient_locations where;
  copier brief({source_, target_, where, pauses_}, copier_options_);
  const auto bytes = add("r", 100'000, 'a');
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "write" && target_.bytes_received(digest::of(bytes)) > 50'000) brief.stop();
  };
  EXPECT_FALSE(run(brief.bring({"r", digest::of(bytes), bytes.size(), {}, nullptr})));
  EXPECT_EQ(target_.open_sessions(), 0);
  EXPECT_TRUE(where.open_uploads(10)->empty());
}

TEST_F(blob_transfer_test, embedded_data_that_is_not_its_digest_is_refused) {
  fresh_copier();
  const auto outcome = run(copier_->bring({"r", digest::of("{}"), 2, "[]", nullptr}));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_EQ(target_.open_sessions(), 0);
}

}  // namespace
}  // namespace longshore::engine
