#include "log/sequencer.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <latch>
#include <thread>

#include "log/projection.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

// Holds the sequencer's thread inside a completion until released, so that a queue can be built up behind it.
// Roughly what the overlay counts for one.
constexpr std::size_t repository_row_bytes = 100;

class held_sequencer {
 public:
  explicit held_sequencer(sequencer& s) {
    std::promise<void> entered;
    auto is_held = entered.get_future();
    auto release = release_.get_future().share();
    EXPECT_TRUE(s.submit({push_of("holds", {})}, [&entered, release](const auto&) {
      entered.set_value();
      release.wait();
    }));
    is_held.wait();
  }
  ~held_sequencer() { release(); }
  void release() {
    if (!std::exchange(released_, true)) release_.set_value();
  }

 private:
  std::promise<void> release_;
  bool released_ = false;
};

using sequencer_test = log_test;

TEST_F(sequencer_test, a_completion_comes_after_the_event_is_durable_and_folded) {
  open_and_start();
  std::promise<std::uint64_t> durable;
  ASSERT_TRUE(sequencer_->submit({push_of("a", "1"), push_of("a", "2")}, [&](result<append_outcome> o) {
    ASSERT_TRUE(o);
    EXPECT_EQ(o->first.value, 0u);
    EXPECT_EQ(o->appended, 2u);
    EXPECT_EQ(o->duplicates, 0u);
    durable.set_value(log_->durable_size());
  }));
  EXPECT_EQ(durable.get_future().get(), 2u);
  EXPECT_EQ(applied_size(*log_, *view_).value(), 2u);
  EXPECT_EQ(events()[1].id, "2");
}

TEST_F(sequencer_test, a_redelivered_event_is_acknowledged_and_not_appended_again) {
  open_and_start();
  add("a", "1");
  const auto again = append(*sequencer_, {push_of("a", "1")});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->appended, 0u);
  EXPECT_EQ(again->duplicates, 1u);
  open_and_start();
  const auto after_reopening = append(*sequencer_, {push_of("a", "1"), push_of("a", "2")});
  ASSERT_TRUE(after_reopening);
  EXPECT_EQ(after_reopening->appended, 1u);
  EXPECT_EQ(after_reopening->duplicates, 1u);
  EXPECT_EQ(after_reopening->first.value, 1u);
  EXPECT_EQ(log_->durable_size(), 2u);
}

TEST_F(sequencer_test, doubles_within_a_submission_and_within_a_batch_are_appended_once) {
  open_and_start();
  const auto outcome = append(*sequencer_, {push_of("a", "1"), push_of("a", "1"), push_of("a", "2")});
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->appended, 2u);
  EXPECT_EQ(outcome->duplicates, 1u);
  held_sequencer held(*sequencer_);
  std::vector<std::future<result<append_outcome>>> outcomes;
  for (int i = 0; i < 3; ++i) {
    auto told = std::make_shared<std::promise<result<append_outcome>>>();
    outcomes.push_back(told->get_future());
    ASSERT_TRUE(sequencer_->submit({push_of("a", "3")}, [told](auto o) { told->set_value(std::move(o)); }));
  }
  held.release();
  std::uint64_t appended = 0, duplicates = 0;
  for (auto& f : outcomes) {
    const auto o = f.get();
    ASSERT_TRUE(o);
    appended += o->appended;
    duplicates += o->duplicates;
  }
  EXPECT_EQ(appended, 1u);
  EXPECT_EQ(duplicates, 2u);
}

TEST_F(sequencer_test, the_same_id_of_another_origin_is_another_event) {
  open_and_start();
  add("a", "1");
  event e = push_of("a", "1");
  e.origin = "another";
  EXPECT_EQ(append(*sequencer_, {e})->appended, 1u);
}

TEST_F(sequencer_test, events_without_an_id_are_all_appended) {
  open_and_start();
  EXPECT_EQ(append(*sequencer_, {push_of("a", ""), push_of("a", "")})->appended, 2u);
  EXPECT_EQ(append(*sequencer_, {push_of("a", "")})->appended, 1u);
}

TEST_F(sequencer_test, what_queued_during_a_commit_is_committed_together_in_order) {
  open();
  std::vector<std::pair<std::uint64_t, std::size_t>> commits;
  start();
  sequencer_->subscribe([&](const committed& c) { commits.emplace_back(c.first.value, c.records->size()); });
  std::vector<int> completed;
  {
    held_sequencer held(*sequencer_);
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(sequencer_->submit({push_of("a", std::to_string(i))}, [&completed, i](const auto& o) {
        EXPECT_TRUE(o);
        EXPECT_EQ(o->first.value, static_cast<std::uint64_t>(i) + 1);
        completed.push_back(i);
      }));
    }
    EXPECT_EQ(sequencer_->queued(), 50u);
  }
  sequencer_->stop();
  EXPECT_EQ(commits, (std::vector<std::pair<std::uint64_t, std::size_t>>{{0, 1}, {1, 50}}));
  ASSERT_EQ(completed.size(), 50u);
  EXPECT_TRUE(std::ranges::is_sorted(completed));
  EXPECT_EQ(sequencer_->queued(), 0u);
}

TEST_F(sequencer_test, one_commit_is_one_sync) {
  open_and_start();
  add("a", "first");
  const std::uint64_t before = db_->wal_syncs();
  std::vector<event> many;
  for (int i = 0; i < 500; ++i) many.push_back(push_of("a", std::to_string(i)));
  ASSERT_TRUE(append(*sequencer_, many));
  EXPECT_EQ(db_->wal_syncs(), before + 1);
}

TEST_F(sequencer_test, batches_have_caps_and_a_submission_is_never_split) {
  open();
  sequencer_options with;
  with.batch_events_max = 10;
  start(with);
  std::vector<std::size_t> sizes;
  sequencer_->subscribe([&](const committed& c) { sizes.push_back(c.records->size()); });
  {
    held_sequencer held(*sequencer_);
    for (const int size : {6, 5, 4, 25, 1}) {
      ASSERT_TRUE(sequencer_->submit(std::vector<event>(static_cast<std::size_t>(size), push_of("a", "")),
                                     [](const auto& o) { EXPECT_TRUE(o); }));
    }
  }
  sequencer_->stop();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 6, 9, 25, 1}));
}

TEST_F(sequencer_test, a_batch_ends_with_the_submission_whose_changes_to_the_views_are_many) {
  open();
  sequencer_options with;
  with.batch_changes_max = 10 * repository_row_bytes;
  start(with);
  std::vector<std::size_t> sizes;
  sequencer_->subscribe([&](const committed& c) { sizes.push_back(c.records->size()); });
  std::vector<std::uint64_t> completed;
  {
    held_sequencer held(*sequencer_);
    for (const int repositories : {2, 1, 30, 1, 1}) {
      std::vector<event> events;
      for (int i = 0; i < repositories; ++i) events.push_back(push_of("a" + std::to_string(i), ""));
      ASSERT_TRUE(sequencer_->submit(std::move(events), [&](const auto& o) {
        ASSERT_TRUE(o);
        completed.push_back(o->first.value);
      }));
    }
  }
  sequencer_->stop();
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1, 33, 2}));
  EXPECT_EQ(completed, (std::vector<std::uint64_t>{1, 3, 4, 34, 35}));
  EXPECT_EQ(applied_size(*log_, *view_).value(), 36u);
}

TEST_F(sequencer_test, subscribers_are_told_before_completions_with_the_stored_bytes) {
  open_and_start();
  std::atomic<std::uint64_t> told{0};
  std::vector<std::string> seen;
  sequencer_->subscribe([&](const committed& c) {
    EXPECT_EQ(c.durable_size, log_->durable_size());
    seen.insert(seen.end(), c.records->begin(), c.records->end());
    told = c.durable_size;
  });
  for (std::uint64_t i = 0; i < 5; ++i) {
    std::promise<std::uint64_t> at_completion;
    ASSERT_TRUE(sequencer_->submit({push_of("a", std::to_string(i))},
                                   [&](const auto&) { at_completion.set_value(told.load()); }));
    EXPECT_EQ(at_completion.get_future().get(), i + 1);
  }
  sequencer_->stop();
  EXPECT_EQ(seen, records());
}

TEST_F(sequencer_test, recorded_time_never_decreases_even_when_the_clock_does) {
  open_and_start();
  add("a", "1");
  const timestamp first = events()[0].recorded;
  EXPECT_EQ(first, clock_.now());
  clock_.advance_us(-5'000'000);
  add("a", "2");
  EXPECT_EQ(events()[1].recorded, first);
  open_and_start();
  add("a", "3");
  EXPECT_EQ(events()[2].recorded, first) << "across reopening too";
  clock_.advance_us(6'000'000);
  add("a", "4");
  EXPECT_EQ(events()[3].recorded, clock_.now());
}

TEST_F(sequencer_test, a_full_queue_is_busy_at_once_and_takes_more_later) {
  open();
  sequencer_options with;
  with.queue_events_max = 4;
  start(with);
  std::atomic<int> completed{0};
  {
    held_sequencer held(*sequencer_);
    const auto count = [&](const auto& o) {
      EXPECT_TRUE(o);
      ++completed;
    };
    ASSERT_TRUE(sequencer_->submit({push_of("a", ""), push_of("a", ""), push_of("a", "")}, count));
    EXPECT_EQ(sequencer_->submit({push_of("a", ""), push_of("a", "")}, count).error().code, errc::busy);
    ASSERT_TRUE(sequencer_->submit({push_of("a", "")}, count));
    EXPECT_EQ(sequencer_->submit({push_of("a", "")}, count).error().code, errc::busy);
  }
  EXPECT_EQ(sequencer_->submit(std::vector<event>(5, push_of("a", "")), [](const auto&) {}).error().code,
            errc::too_large)
      << "what can never fit is not told to try again";
  sequencer_->stop();
  EXPECT_EQ(completed, 2);
  EXPECT_EQ(log_->durable_size(), 5u);
}

TEST_F(sequencer_test, the_queue_is_bounded_in_bytes_too) {
  open();
  sequencer_options with;
  with.queue_bytes_max = 10'000;
  start(with);
  held_sequencer held(*sequencer_);
  event e = push_of("a", "");
  e.detail.assign(6'000, 'd');
  ASSERT_TRUE(sequencer_->submit({e}, [](const auto&) {}));
  EXPECT_EQ(sequencer_->submit({e}, [](const auto&) {}).error().code, errc::busy);
}

TEST_F(sequencer_test, an_event_too_large_fails_its_submission_alone_and_whole) {
  open_and_start();
  event large = push_of("a", "large");
  large.detail.assign(70'000, 'd');
  result<append_outcome> refused, other;
  {
    held_sequencer held(*sequencer_);
    ASSERT_TRUE(sequencer_->submit({push_of("a", "before"), large}, [&](auto o) { refused = std::move(o); }));
    ASSERT_TRUE(sequencer_->submit({push_of("a", "after")}, [&](auto o) { other = std::move(o); }));
  }
  sequencer_->stop();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::too_large);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->first.value, 1u);
  EXPECT_EQ(log_->find("registry", "before").value(), std::nullopt);
  EXPECT_EQ(log_->durable_size(), 2u);
  EXPECT_FALSE(sequencer_->failed());
}

TEST_F(sequencer_test, below_the_watermark_new_events_are_refused_at_once_and_reads_go_on) {
  open();
  std::atomic<bool> full{false};
  sequencer_options with;
  with.space_check = [&]() -> result<void> {
    if (full) return fail(errc::no_space, "1 MiB free and 256 MiB are wanted");
    return {};
  };
  start(with);
  add("a", "1");
  full = true;
  const auto first = append(*sequencer_, {push_of("a", "2")});
  EXPECT_EQ(first.error().code, errc::no_space) << "whichever way it is told";
  const auto at_once = sequencer_->submit({push_of("a", "2")}, [](const auto&) { FAIL() << "not called"; });
  ASSERT_FALSE(at_once);
  EXPECT_EQ(at_once.error().code, errc::no_space);
  EXPECT_EQ(events().size(), 1u);
  EXPECT_FALSE(sequencer_->failed());
  full = false;
  EXPECT_EQ(add("a", "2").value, 1u);
}

TEST_F(sequencer_test, a_disk_that_is_full_at_the_start_refuses_the_first_event_at_once) {
  open();
  sequencer_options with;
  with.space_check = []() -> result<void> { return fail(errc::no_space, "full"); };
  start(with);
  EXPECT_EQ(sequencer_->submit({push_of("a", "1")}, [](const auto&) {}).error().code, errc::no_space);
}

TEST_F(sequencer_test, stopping_commits_what_is_queued_and_refuses_the_rest) {
  open_and_start();
  std::atomic<int> completed{0};
  {
    held_sequencer held(*sequencer_);
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(sequencer_->submit({push_of("a", std::to_string(i))}, [&](const auto& o) {
        EXPECT_TRUE(o);
        ++completed;
      }));
    }
  }
  sequencer_->stop();
  EXPECT_EQ(completed, 20);
  EXPECT_EQ(sequencer_->submit({push_of("a", "late")}, [](const auto&) {}).error().code, errc::stopped);
  sequencer_->stop();
  EXPECT_EQ(log_->durable_size(), 21u);
}

TEST_F(sequencer_test, many_threads_append_at_once_and_each_event_is_there_once) {
  open_and_start();
  constexpr int threads = 8, each = 200;
  std::latch ready(threads);
  std::vector<std::thread> all;
  std::atomic<int> acknowledged{0};
  for (int t = 0; t < threads; ++t) {
    all.emplace_back([&, t] {
      ready.arrive_and_wait();
      for (int i = 0; i < each; ++i) {
        // Every second event is sent by two threads.
        const std::string id = i % 2 == 0 ? std::to_string(t) + "." + std::to_string(i)
                                          : "shared." + std::to_string(t / 2) + "." + std::to_string(i);
        if (append(*sequencer_, {push_of("repo-" + std::to_string(i % 5), id)})) ++acknowledged;
      }
    });
  }
  for (auto& t : all) t.join();
  EXPECT_EQ(acknowledged, threads * each);
  EXPECT_EQ(log_->durable_size(), threads * each / 2 + threads / 2 * each / 2u);
  sequencer_.reset();
  EXPECT_FALSE(verified().bad);
  const std::string live = digest_of_view();
  EXPECT_EQ(digest_of_rebuilt_view(), live);
}

// The negative controls: each defect must be one that the checks above would see.
TEST_F(sequencer_test, without_dedup_a_redelivery_is_appended_again) {
  open();
  sequencer_options with;
  with.broken.no_dedup = true;
  start(with);
  add("a", "1");
  EXPECT_EQ(append(*sequencer_, {push_of("a", "1")})->appended, 1u);
  sequencer_.reset();
  const auto v = verified();
  ASSERT_TRUE(v.bad) << "the verifier names the double";
  EXPECT_EQ(v.bad->seq.value, 0u);
}

TEST_F(sequencer_test, acknowledging_before_the_sync_tells_before_it_is_durable) {
  open();
  sequencer_options with;
  with.broken.acknowledge_before_sync = true;
  start(with);
  std::promise<std::uint64_t> durable;
  const std::uint64_t syncs = db_->wal_syncs();
  ASSERT_TRUE(sequencer_->submit({push_of("a", "1")}, [&](const auto&) { durable.set_value(log_->durable_size()); }));
  EXPECT_EQ(durable.get_future().get(), 0u);
  sequencer_->stop();
  EXPECT_EQ(log_->durable_size(), 1u);
  EXPECT_EQ(db_->wal_syncs(), syncs);
}

}  // namespace
}  // namespace longshore::log
