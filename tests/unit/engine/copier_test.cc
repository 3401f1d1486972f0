#include "engine/copier.h"

#include <sys/resource.h>

#include <fstream>
#include <future>
#include <utility>

#include "engine/journal_records.h"
#include "engine/routed_registry.h"
#include "engine/tasks.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;
namespace asio = boost::asio;

class copier_test : public engine_world {
 protected:
  copier_test() { copier_options_.buffer_bytes = 4'096; }

  blob_request request(const std::string& repository, const digest& d) {
    const stored_blob* b = source_.blob(repository, d);
    return {repository, d, b == nullptr ? std::nullopt : std::optional(b->size), {}, nullptr};
  }
  result<blob_outcome> bring(const std::string& repository, const digest& d) {
    if (!copier_) fresh_copier();
    return run(copier_->bring(request(repository, d)));
  }
  // Many at once; the outcomes in order.
  std::vector<result<blob_outcome>> bring_all(std::vector<blob_request> wanted) {
    if (!copier_) fresh_copier();
    std::vector<result<blob_outcome>> out(wanted.size(), blob_outcome::present);
    const auto one = [&](std::size_t i) -> asio::awaitable<void> { out[i] = co_await copier_->bring(wanted[i]); };
    std::vector<asio::awaitable<void>> all;
    for (std::size_t i = 0; i < wanted.size(); ++i) all.push_back(one(i));
    run(run_all(std::move(all)));
    return out;
  }
};

std::string text_of(std::size_t size, char seed) {
  std::string s(size, seed);
  for (std::size_t i = 0; i < size; ++i) s[i] = static_cast<char>(seed + static_cast<char>(i % 61));
  return s;
}

TEST_F(copier_test, a_blob_arrives_byte_for_byte_at_every_size_around_the_buffers) {
  for (const std::size_t size : {0u, 1u, 4'095u, 4'096u, 4'097u, 8'192u, 8'193u, 100'000u}) {
    const std::string bytes = text_of(size, 'a');
    const digest d = source_.add_blob("r", bytes);
    const auto outcome = bring("r", d);
    ASSERT_TRUE(outcome) << outcome.error().text;
    EXPECT_EQ(*outcome, blob_outcome::copied);
    ASSERT_NE(target_.blob("r", d), nullptr);
    EXPECT_EQ(target_.blob("r", d)->bytes, bytes);
  }
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(copier_test, a_blob_known_to_be_there_costs_no_request) {
  const digest d = source_.add_blob("r", "layer");
  ASSERT_TRUE(bring("r", d));
  source_.forget_calls();
  target_.forget_calls();
  EXPECT_EQ(*bring("r", d), blob_outcome::present);
  EXPECT_EQ(source_.operations() + target_.operations(), 0u);
}

TEST_F(copier_test, a_blob_the_target_already_has_is_found_and_not_sent) {
  const digest d = source_.add_blob("r", "layer");
  target_.add_blob("r", "layer");
  EXPECT_EQ(*bring("r", d), blob_outcome::present);
  EXPECT_EQ(target_.bytes_received(d), 0u);
  EXPECT_TRUE(*locations_->holds("r", d.text()));
}

// Has a file of a wrong size under one digest, which an upload may replace.
class damaged_registry final : public memory_registry {
 public:
  damaged_registry(digest d, bool keeps) : memory_registry("damaged"), damaged_(std::move(d)), keeps_(keeps) {}
  task<std::optional<std::uint64_t>> stat_blob(std::string repository, digest d) override {
    auto there = co_await memory_registry::stat_blob(std::move(repository), d);
    if (d != damaged_ || !there || (bytes_received(d) > 0 && !keeps_)) co_return there;
    co_return std::optional<std::uint64_t>(3);
  }

 private:
  digest damaged_;
  bool keeps_;
};

TEST_F(copier_test, a_blob_of_a_wrong_size_at_the_target_is_sent_anew_and_named_when_that_does_not_help) {
  const digest d = source_.add_blob("r", "layer");
  for (const bool keeps : {false, true}) {
    damaged_registry damaged(d, keeps);
    transient_locations where;
    copier blobs({source_, damaged, where, pauses_}, copier_options_);
    const auto outcome = run(blobs.bring(request("r", d)));
    EXPECT_EQ(damaged.bytes_received(d), 5u);
    EXPECT_EQ(*where.holds("r", d.text()), !keeps);
    EXPECT_EQ(damaged.open_sessions(), 0);
    if (!keeps) {
      ASSERT_TRUE(outcome) << outcome.error().text;
      EXPECT_EQ(*outcome, blob_outcome::copied);
      continue;
    }
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::corrupt);
    EXPECT_NE(outcome.error().text.find("delete that blob from the target's storage"), std::string::npos);
    EXPECT_NE(outcome.error().text.find("3 bytes instead of 5"), std::string::npos);
  }
}

TEST_F(copier_test, a_blob_of_another_repository_is_mounted) {
  const digest d = source_.add_blob("r1", "layer");
  source_.add_blob("r2", "layer");
  ASSERT_TRUE(bring("r1", d));
  EXPECT_EQ(*bring("r2", d), blob_outcome::mounted);
  EXPECT_EQ(target_.bytes_received(d), 5u);
  EXPECT_NE(target_.blob("r2", d), nullptr);
}

TEST_F(copier_test, a_refused_mount_goes_on_as_an_upload_and_leaves_a_true_index_alone) {
  target_.does.mounts = false;
  const digest d = source_.add_blob("r1", "layer");
  source_.add_blob("r2", "layer");
  ASSERT_TRUE(bring("r1", d));
  EXPECT_EQ(*bring("r2", d), blob_outcome::copied);
  EXPECT_NE(target_.blob("r2", d), nullptr);
  EXPECT_TRUE(*locations_->holds("r1", d.text()));
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(copier_test, a_mount_refused_because_the_index_was_wrong_corrects_the_index) {
  const digest d = source_.add_blob("r1", "layer");
  source_.add_blob("r2", "layer");
  ASSERT_TRUE(bring("r1", d));
  target_.erase_blob("r1", d);
  EXPECT_EQ(*bring("r2", d), blob_outcome::copied);
  EXPECT_FALSE(*locations_->holds("r1", d.text()));
  EXPECT_TRUE(*locations_->holds("r2", d.text()));
}

TEST_F(copier_test, many_jobs_that_need_one_blob_transfer_it_once) {
  const std::string bytes = text_of(50'000, 'x');
  std::vector<blob_request> wanted;
  for (int i = 0; i < 40; ++i) {
    const std::string repository = "r" + std::to_string(i % 10);
    wanted.push_back(request(repository, source_.add_blob(repository, bytes)));
  }
  const auto outcomes = bring_all(wanted);
  const digest d = digest::of(bytes);
  for (const auto& o : outcomes) EXPECT_TRUE(o) << o.error().text;
  EXPECT_EQ(source_.bytes_served(d), bytes.size());
  EXPECT_EQ(target_.bytes_received(d), bytes.size());
  EXPECT_EQ(copier_->counters().copied, 1u);
  EXPECT_EQ(copier_->counters().mounted, 9u);
  EXPECT_EQ(copier_->counters().present, 30u);
}

TEST_F(copier_test, when_the_first_of_many_fails_for_its_own_reasons_the_others_try) {
  const digest d = source_.add_blob("r1", "layer");
  source_.add_blob("r2", "layer");
  std::vector<blob_request> wanted{request("r1", d), request("r2", d)};
  source_.erase_blob("r1", d);
  const auto outcomes = bring_all(wanted);
  EXPECT_EQ(outcomes[0].error().code, errc::not_found);
  EXPECT_TRUE(outcomes[1]);
}

TEST_F(copier_test, a_repository_that_may_not_be_pushed_to_fails_alone_and_the_next_one_leads) {
  for (const errc refusal : {errc::unauthorized, errc::denied, errc::rejected, errc::no_space}) {
    const std::string bytes = std::string("layer ") + name_of(refusal);
    std::vector<blob_request> wanted;
    for (const char* r : {"closed", "open", "other"}) wanted.push_back(request(r, source_.add_blob(r, bytes)));
    target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.repository != "closed" || c.verb != "begin_blob") return std::nullopt;
      return memory_registry::fault{{refusal, "no", 0}};
    };
    const auto outcomes = bring_all(wanted);
    EXPECT_EQ(outcomes[0].error().code, refusal);
    EXPECT_TRUE(outcomes[1]) << name_of(refusal);
    EXPECT_TRUE(outcomes[2]) << name_of(refusal);
    EXPECT_EQ(target_.bytes_received(digest::of(bytes)), bytes.size());
  }
}

TEST_F(copier_test, when_the_registry_is_away_those_that_waited_fail_with_the_first) {
  const digest d = source_.add_blob("r1", "layer");
  source_.add_blob("r2", "layer");
  target_.fail_always(away());
  const auto outcomes = bring_all({request("r1", d), request("r2", d), request("r2", d)});
  for (const auto& o : outcomes) EXPECT_EQ(o.error().code, errc::unavailable);
  EXPECT_EQ(target_.operations(), 1u);
}

TEST_F(copier_test, a_body_that_breaks_is_taken_up_where_it_broke) {
  const std::string bytes = text_of(60'000, 'b');
  const digest d = source_.add_blob("r", bytes);
  source_.does.chunk_bytes = 1'000;
  source_.break_body(d, 20'500, 3);
  ASSERT_TRUE(bring("r", d));
  EXPECT_EQ(target_.blob("r", d)->bytes, bytes);
  EXPECT_EQ(source_.bytes_served(d), bytes.size()) << "no byte was asked for twice";
  EXPECT_EQ(target_.bytes_received(d), bytes.size());
  EXPECT_EQ(copier_->counters().resumed, 3u);
}

TEST_F(copier_test, a_body_that_never_comes_ends_after_bounded_tries_and_its_session_is_given_up) {
  const digest d = source_.add_blob("r", text_of(60'000, 'b'));
  source_.break_body(d, 20'500, 1'000);
  const auto outcome = bring("r", d);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::unavailable);
  EXPECT_LE(source_.count("open_blob"), 7u);
  EXPECT_EQ(target_.open_sessions(), 0);
  EXPECT_EQ(target_.blob("r", d), nullptr);
}

TEST_F(copier_test, a_wrong_body_never_becomes_a_blob) {
  const digest d = source_.add_blob("r", text_of(10'000, 'c'));
  source_.corrupt_body(d);
  const auto outcome = bring("r", d);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::corrupt);
  EXPECT_EQ(target_.count("finish"), 0u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

TEST_F(copier_test, those_who_waited_for_a_blob_with_wrong_bytes_do_not_each_read_it_again) {
  const std::string bytes = text_of(10'000, 'a');
  const digest d = source_.add_blob("r", bytes);
  source_.corrupt_body(d);
  for (const auto& outcome : bring_all(std::vector<blob_request>(64, request("r", d)))) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::corrupt);
  }
  EXPECT_EQ(source_.bytes_served(d), 2 * bytes.size());
  source_.mend_bodies();
  EXPECT_TRUE(bring("r", d)) << "what failed is tried again by the next that asks";
}

TEST_F(copier_test, a_blob_with_wrong_bytes_is_read_from_another_repository_of_the_source_by_its_own_waiters) {
  const std::string bytes = text_of(10'000, 'a');
  std::vector<blob_request> wanted;
  for (int i = 0; i < 20; ++i) {
    const std::string repository = i % 2 == 0 ? "damaged" : "whole";
    wanted.push_back(request(repository, source_.add_blob(repository, bytes)));
  }
  const digest d = digest::of(bytes);
  source_.corrupt_body(d);
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb != "read") return;
    c.repository == "damaged" ? source_.corrupt_body(d) : source_.mend_bodies();
  };
  const auto outcomes = bring_all(wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i].repository == "whole") EXPECT_TRUE(outcomes[i]) << i;
  }
  EXPECT_LE(source_.bytes_served(d), 3 * bytes.size());
}

TEST_F(copier_test, repositories_that_are_copied_from_one_damaged_repository_read_it_twice_at_most) {
  const std::string bytes = text_of(10'000, 'a');
  const digest d = source_.add_blob("r", bytes);
  source_.corrupt_body(d);
  routed_registry routed(source_);
  for (const char* to : {"a", "b", "c", "d"}) ASSERT_TRUE(routed.route(to, "r"));
  copier_ = std::make_unique<copier>(copier_world{routed, target_, *where_, pauses_}, copier_options_);
  std::vector<blob_request> wanted;
  for (const char* to : {"a", "b", "c", "d"}) wanted.push_back({to, d, bytes.size(), {}});
  for (const auto& outcome : bring_all(wanted)) EXPECT_FALSE(outcome);
  EXPECT_EQ(source_.bytes_served(d), 2 * bytes.size());
}

TEST_F(copier_test, a_body_of_another_length_than_the_descriptor_says_is_refused) {
  fresh_copier();
  const digest d = source_.add_blob("r", text_of(10'000, 'c'));
  for (const std::uint64_t told : {9'999u, 10'001u, 0u, 4'096u}) {
    const auto outcome = run(copier_->bring({"r", d, told, {}, nullptr}));
    ASSERT_FALSE(outcome) << told;
    EXPECT_EQ(outcome.error().code, errc::corrupt);
  }
  EXPECT_EQ(target_.count("finish"), 0u);
}

TEST_F(copier_test, a_blob_of_unknown_size_is_asked_for_at_the_source) {
  fresh_copier();
  const digest d = source_.add_blob("r", "layer");
  EXPECT_EQ(*run(copier_->bring({"r", d, std::nullopt, {}, nullptr})), blob_outcome::copied);
  const auto none = run(copier_->bring({"r", digest::of("nowhere"), std::nullopt, {}, nullptr}));
  EXPECT_EQ(none.error().code, errc::not_found);
}

TEST_F(copier_test, embedded_bytes_are_sent_without_asking_the_source) {
  fresh_copier();
  EXPECT_EQ(*run(copier_->bring({"r", digest::of("{}"), 2, "{}", nullptr})), blob_outcome::copied);
  EXPECT_EQ(source_.operations(), 0u);
  EXPECT_EQ(target_.blob("r", digest::of("{}"))->bytes, "{}");
}

TEST_F(copier_test, whichever_operation_fails_the_blob_arrives_in_the_end_and_no_session_stays) {
  const std::string bytes = text_of(20'000, 'f');
  for (const bool at_source : {true, false}) {
    for (const auto at : {memory_registry::fault_at::before, memory_registry::fault_at::after}) {
      bool failed_once = true;
      for (std::uint64_t n = 0; failed_once; ++n) {
        ASSERT_LT(n, 200u);
        const std::string repository = std::string("r-") + (at_source ? "s" : "t") +
                                       (at == memory_registry::fault_at::before ? "b" : "a") + std::to_string(n);
        const std::string own = bytes + repository;
        const digest d = source_.add_blob(repository, own);
        fresh_copier();
        memory_registry& faulty = at_source ? source_ : target_;
        const std::uint64_t before = faulty.operations();
        faulty.fail_operation(n, away(), at);
        auto outcome = bring(repository, d);
        failed_once = faulty.operations() - before > n;
        if (!outcome) outcome = bring(repository, d);
        ASSERT_TRUE(outcome) << outcome.error().text;
        EXPECT_EQ(target_.blob(repository, d)->bytes, own);
        EXPECT_TRUE(*locations_->holds(repository, d.text()));
        EXPECT_LE(target_.open_sessions(), at == memory_registry::fault_at::after ? 1 : 0);
      }
    }
  }
}

TEST_F(copier_test, no_more_transfers_run_than_there_are_slots_and_one_is_kept_for_small_blobs) {
  copier_options_.transfers_max = 3;
  copier_options_.small_bytes_max = 100;
  std::vector<blob_request> wanted;
  for (char c = 'a'; c < 'k'; ++c) wanted.push_back(request("r", source_.add_blob("r", text_of(50'000, c))));
  wanted.push_back(request("r", source_.add_blob("r", "small")));
  std::size_t most = 0;
  std::size_t large_done_before_small = 100;
  target_.before = [&](const memory_registry::call& c) {
    most = std::max(most, static_cast<std::size_t>(target_.open_sessions()));
    if (c.verb == "finish" && c.ref == digest::of("small").text()) {
      large_done_before_small = target_.count("finish") - 1;
    }
  };
  for (const auto& o : bring_all(wanted)) EXPECT_TRUE(o);
  EXPECT_LE(most, 3u);
  EXPECT_EQ(large_done_before_small, 0u);
}

TEST_F(copier_test, a_stop_ends_transfers_at_their_next_buffer_and_gives_up_their_sessions) {
  fresh_copier();
  const digest d = source_.add_blob("r", text_of(500'000, 'z'));
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "write" && target_.bytes_received(d) > 100'000) copier_->stop();
  };
  const auto outcome = bring("r", d);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, errc::stopped);
  EXPECT_LT(target_.bytes_received(d), 200'000u);
  EXPECT_EQ(target_.open_sessions(), 0);
}

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LONGSHORE_MEMORY_IS_NOT_OURS
#endif
#endif

TEST_F(copier_test, a_layer_of_two_gibibytes_does_not_raise_memory) {
#ifdef LONGSHORE_MEMORY_IS_NOT_OURS
  GTEST_SKIP() << "sanitizers keep freed memory";
#endif
  copier_options_.buffer_bytes = 256u << 10;
  source_.does.chunk_bytes = 256u << 10;
  target_.does.keep_bytes_max = 0;
  const digest small = source_.add_synthetic_blob("r", 4u << 20);
  ASSERT_TRUE(bring("r", small));
  const digest d = source_.add_synthetic_blob("r", 2ull << 30);
  const std::size_t before = resident_bytes();
  std::size_t most = before;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "write" && target_.operations() % 64 == 0) most = std::max(most, resident_bytes());
  };
  const auto outcome = bring("r", d);
  ASSERT_TRUE(outcome) << outcome.error().text;
  EXPECT_EQ(target_.bytes_received(d), 2ull << 30);
  EXPECT_LT(most - before, 16u << 20);
}

TEST_F(copier_test, what_is_doubted_while_it_is_mounted_is_doubted_where_it_comes) {
  const digest d = source_.add_blob("r", "wrong at the target");
  source_.add_blob("s", "wrong at the target");
  ASSERT_TRUE(bring("r", d));
  bool said = false;
  target_.before = [&](const memory_registry::call& c) {
    if (c.repository != "s" || std::exchange(said, true)) return;
    // A verification of r journals what it found: for all that are known to hold it now.
    std::promise<void> done;
    auto sent = journal_sequencer_->submit({record::content_doubted("r", d)},
                                           [&](result<log::append_outcome>) { done.set_value(); });
    ASSERT_TRUE(sent);
    done.get_future().wait();
  };
  ASSERT_TRUE(bring("s", d));
  target_.before = nullptr;
  ASSERT_TRUE(said);
  EXPECT_TRUE(*where_->is_doubted(d.text()));
  EXPECT_EQ(repository("s").doubted, 1u) << "what is doubted anywhere is doubted where it comes next";
}

}  // namespace
}  // namespace longshore::engine
