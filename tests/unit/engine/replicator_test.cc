#include "engine/replicator.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class replicator_test : public engine_world {
 protected:
  void TearDown() override {
    if (replicator_) run(replicator_->stop());
  }
  replicator& start(replicator_options options = {}) {
    pauses_.at_once = false;
    world_ = std::make_unique<sync_world>(world());
    replicator_ = std::make_unique<replicator>(context_.get_executor(), *world_, std::move(options));
    EXPECT_TRUE(replicator_->start());
    return *replicator_;
  }
  void idle() { run(replicator_->idle()); }
  digest push(const std::string& repository, const std::string& tag, const std::string& layer) {
    const digest d = add_oci_image(source_, repository, {"base", layer});
    source_.set_tag(repository, tag, d);
    say_pushed(repository, tag, d);
    if (replicator_) replicator_->changed(repository);
    return d;
  }
  std::size_t passes_of(const std::string& repository) {
    return static_cast<std::size_t>(std::ranges::count_if(
        journaled(log::event_kind::sync_started), [&](const log::event& e) { return e.repository == repository; }));
  }
  std::unique_ptr<sync_world> world_;
  std::unique_ptr<replicator> replicator_;
};

TEST_F(replicator_test, a_start_takes_up_what_is_open_and_nothing_else) {
  push("a", "v1", "x");
  push("b", "v1", "y");
  pass_over("a");
  start();
  idle();
  EXPECT_EQ(passes_of("a"), 1u);
  EXPECT_EQ(passes_of("b"), 1u);
  expect_mirrored("b");
}

TEST_F(replicator_test, a_tag_settled_otherwise_than_told_follows_when_the_source_comes_round_also_after_a_restart) {
  const auto told = push("a", "v1", "told");
  const auto shown = add_oci_image(source_, "a", {"shown"});
  source_.set_tag("a", "v1", shown);
  clock_.advance_us(settings_.recent_us);
  start();
  idle();
  EXPECT_EQ(target_.tag("a", "v1"), shown);
  EXPECT_EQ(repository("a").apart, 1u);
  EXPECT_EQ(repository("a").state, sync_state::synced);
  run(replicator_->stop());
  pauses_.resume();
  fresh_copier();
  source_.set_tag("a", "v1", told);  // nobody tells, and no reconcile finds the log and the source to differ
  start();
  settle();
  EXPECT_EQ(target_.tag("a", "v1"), shown);
  pauses_.advance(settings_.apart_look_ms);
  run_until([&] { return target_.tag("a", "v1") == told; });
  idle();
  EXPECT_EQ(repository("a").apart, 0u);
  EXPECT_EQ(repository("a").state, sync_state::synced);
}

TEST_F(replicator_test, a_look_that_finds_nothing_new_costs_a_request_for_each_such_tag_and_no_record) {
  push("a", "v1", "told");
  push("a", "v2", "as told");
  source_.set_tag("a", "v1", add_oci_image(source_, "a", {"shown"}));
  clock_.advance_us(settings_.recent_us);
  start();
  idle();
  source_.forget_calls();
  for (int hours = 0; hours < 3; ++hours) {
    pauses_.advance(settings_.apart_look_ms);
    settle();
    idle();
  }
  EXPECT_EQ(source_.operations(), 3u);
  EXPECT_EQ(source_.count("resolve", "v1"), 3u);
  EXPECT_EQ(passes_of("a"), 1u);
  EXPECT_TRUE(journaled(log::event_kind::unpark_asked).empty());
}

TEST_F(replicator_test, deletions_that_were_held_back_are_given_up_when_the_source_has_its_tags_again) {
  std::map<std::string, digest> tags;
  for (int n = 0; n < 4; ++n) {
    const std::string tag = "v" + std::to_string(n);
    tags.emplace(tag, push("a", tag, tag));
  }
  start();
  idle();
  clock_.advance_us(3'600'000'000);
  for (const auto& [tag, d] : tags) {
    source_.erase_tag("a", tag);
    say_observed_gone("a", tag);
  }
  replicator_->changed("a");
  idle();
  ASSERT_EQ(repository("a").parked, 4u);
  EXPECT_NE(item("a", "v0").reason.find("longshore unpark a"), std::string::npos);
  source_.forget_calls();
  pauses_.advance(settings_.apart_look_ms);
  settle();
  idle();
  EXPECT_EQ(source_.operations(), 1u) << "still gone: one listing";
  EXPECT_EQ(repository("a").parked, 4u);
  for (const auto& [tag, d] : tags) source_.set_tag("a", tag, d);  // and nobody tells of it
  pauses_.advance(settings_.apart_look_ms);
  run_until([&] { return repository("a").parked == 0; });
  idle();
  EXPECT_EQ(repository("a").state, sync_state::synced);
  for (const auto& [tag, d] : tags) EXPECT_EQ(target_.tag("a", tag), d);
}

TEST_F(replicator_test, a_change_makes_a_pass) {
  start();
  push("a", "v1", "x");
  idle();
  expect_mirrored("a");
}

TEST_F(replicator_test, changes_during_a_pass_make_one_more_pass_however_many_they_are) {
  start();
  bool once = true;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb != "put_manifest" || !std::exchange(once, false)) return;
    for (int i = 0; i < 10; ++i) push("a", "more" + std::to_string(i), "l" + std::to_string(i));
  };
  push("a", "v1", "x");
  idle();
  EXPECT_EQ(passes_of("a"), 2u);
  expect_mirrored("a");
}

TEST_F(replicator_test, no_more_passes_run_than_there_are_jobs_and_shared_layers_cross_once) {
  std::size_t most = 0;
  source_.before = [&](const memory_registry::call&) {
    if (replicator_) most = std::max(most, replicator_->status().running.size());
  };
  start({.jobs_max = 3});
  for (int i = 0; i < 12; ++i) push("r" + std::to_string(i), "v1", "own" + std::to_string(i));
  idle();
  EXPECT_EQ(most, 3u);
  EXPECT_EQ(source_.bytes_served(digest::of("base")), 4u);
  for (int i = 0; i < 12; ++i) expect_mirrored("r" + std::to_string(i));
  EXPECT_EQ(replicator_->status().passes, 12u);
  EXPECT_EQ(replicator_->status().totals.published, 12u);
}

TEST_F(replicator_test, a_failed_pass_comes_again_at_its_time_and_not_before) {
  target_.fail_always(away());
  start();
  push("a", "v1", "x");
  idle();
  EXPECT_EQ(passes_of("a"), 1u);
  EXPECT_EQ(replicator_->status().waiting, 1u);
  EXPECT_EQ(repository("a").state, sync_state::failed);
  target_.fail_always(std::nullopt);
  pauses_.advance(400);
  settle();
  EXPECT_EQ(passes_of("a"), 1u);
  pauses_.advance(700);
  settle();
  idle();
  EXPECT_EQ(passes_of("a"), 2u);
  EXPECT_EQ(repository("a").state, sync_state::synced);
  EXPECT_EQ(repository("a").retry_count, 0u);
  EXPECT_EQ(replicator_->status().waiting, 0u);
}

TEST_F(replicator_test, while_a_registry_is_away_changes_wait_for_the_retry) {
  target_.fail_always(away());
  start();
  push("a", "v1", "x");
  idle();
  const auto asked = target_.operations();
  for (int i = 0; i < 20; ++i) push("a", "v" + std::to_string(i), "x");
  idle();
  EXPECT_EQ(target_.operations(), asked);
}

TEST_F(replicator_test, a_change_overtakes_the_retry_of_an_item_that_failed_by_itself) {
  const auto d = push("a", "v1", "x");
  source_.erase_blob("a", digest::of("x"));
  start();
  idle();
  EXPECT_EQ(item("a", "v1").state, item_state::failed);
  push("a", "v2", "y");
  idle();
  EXPECT_TRUE(target_.tag("a", "v2"));
  EXPECT_FALSE(target_.manifest_at("a", d.text()));
}

TEST_F(replicator_test, a_restart_waits_for_the_retry_time_that_was_journaled) {
  push("a", "v1", "x");
  target_.fail_always(away());
  pass_over("a");
  target_.fail_always(std::nullopt);
  start();
  settle();
  EXPECT_EQ(passes_of("a"), 1u);
  pauses_.advance(1'100);
  settle();
  idle();
  expect_mirrored("a");
}

TEST_F(replicator_test, a_resync_goes_over_a_repository_anew_even_when_asked_during_a_pass) {
  start();
  const auto d = push("a", "v1", "x");
  idle();
  target_.erase_manifest("a", d);
  ASSERT_TRUE(run(replicator_->resync("a")));
  idle();
  expect_mirrored("a");

  // Asked for while a pass runs: it is not lost in the end of that pass.
  target_.erase_manifest("a", d);
  push("a", "v2", "y");
  ASSERT_TRUE(run(replicator_->resync("a")));
  idle();
  expect_mirrored("a");
}

TEST_F(replicator_test, only_selected_repositories_are_replicated) {
  push("team/app", "v1", "x");
  push("team/secret", "v1", "x");
  push("other/app", "v1", "x");
  copying_.filter = std::make_shared<replication_filter>(
      *replication_filter::make({.include = {"team/**"}, .exclude = {"**/secret"}}));
  start();
  replicator_->changed("other/app");
  idle();
  EXPECT_TRUE(target_.tag("team/app", "v1"));
  EXPECT_FALSE(target_.tag("team/secret", "v1"));
  EXPECT_FALSE(target_.tag("other/app", "v1"));
}

TEST_F(replicator_test, a_stop_ends_running_passes_and_the_next_start_goes_on) {
  for (int i = 0; i < 5; ++i) push("r" + std::to_string(i), "v1", "own" + std::to_string(i));
  start({.jobs_max = 2});
  run_until([&] { return target_.operations() > 3; });
  run(replicator_->stop());
  EXPECT_TRUE(replicator_->status().running.empty());
  EXPECT_EQ(target_.open_sessions(), 0);
  replicator_.reset();
  copier_.reset();
  timer_pauses fresh;
  sync_world again{{source_, target_, *where_, fresh_copier(), copying_},
                   *journal_,
                   *desired_,
                   *actual_,
                   fresh,
                   clock_,
                   random_,
                   settings_};
  replicator second(context_.get_executor(), again, {});
  ASSERT_TRUE(second.start());
  run(second.idle());
  run(second.stop());
  for (int i = 0; i < 5; ++i) expect_mirrored("r" + std::to_string(i));
}

TEST_F(replicator_test, a_stop_does_not_wait_for_a_registry_that_hangs) {
  for (const std::string& verb :
       std::vector<std::string>{"get_manifest", "read", "write", "put_manifest", "stat_blob"}) {
    memory_registry& hangs = verb == "get_manifest" || verb == "read" ? source_ : target_;
    hangs.stall(verb);
    pauses_.resume();
    fresh_copier();
    start({.stop_deadline_ms = 1});
    push("r-" + verb, "v1", std::string(300'000, 'x') + verb);
    push("r-" + verb, "v2", std::string(300'000, 'x') + verb);
    run_until([&] { return hangs.count(verb) > 0; });
    settle();
    EXPECT_FALSE(replicator_->status().running.empty()) << verb;
    run(replicator_->stop());
    EXPECT_TRUE(replicator_->status().running.empty());
    EXPECT_EQ(copier_->transfers(), 0u);
    hangs.stall({});
    hangs.forget_calls();
  }
  pauses_.resume();
  fresh_copier();
  start();
  idle();
  EXPECT_EQ(target_.tags("r-write"), source_.tags("r-write"));
  EXPECT_TRUE(target_.violations().empty());
}

TEST_F(replicator_test, a_journal_that_cannot_be_written_halts_the_work_and_says_so) {
  start();
  journal_sequencer_->stop();
  push("a", "v1", "x");
  idle();
  EXPECT_FALSE(replicator_->status().halted.empty());
  EXPECT_FALSE(target_.tag("a", "v1"));
}

TEST_F(replicator_test, the_last_of_many_deletions_that_were_held_back_is_looked_for_too) {
  std::map<std::string, digest> tags;
  for (int n = 10; n < 30; ++n) {
    const std::string tag = "v" + std::to_string(n);
    tags.emplace(tag, push("a", tag, tag));
  }
  start();
  idle();
  clock_.advance_us(3'600'000'000);
  for (const auto& [tag, d] : tags) {
    source_.erase_tag("a", tag);
    say_observed_gone("a", tag);
  }
  replicator_->changed("a");
  idle();
  ASSERT_EQ(repository("a").parked, 20u);
  source_.set_tag("a", "v29", tags.at("v29"));
  for (int hour = 0; hour < 3; ++hour) {
    pauses_.advance(settings_.apart_look_ms);
    settle();
    idle();
  }
  EXPECT_EQ(repository("a").parked, 19u);
}

TEST_F(replicator_test, deletions_by_digest_that_were_held_back_are_all_given_up_when_the_source_is_back) {
  std::map<std::string, digest> tags;
  for (int n = 10; n < 40; ++n) {
    const std::string tag = "v" + std::to_string(n);
    const digest d = push("a", tag, tag);
    tags.emplace(tag, d);
    say_pushed_digest("a", d);
  }
  start();
  idle();
  clock_.advance_us(3'600'000'000);
  std::map<std::string, manifest_document> documents;
  for (const auto& [tag, d] : tags) {
    documents.emplace(tag, *source_.manifest_at("a", d.text()));
    source_.erase_manifest("a", d);
    say_observed_gone("a", tag);
    say_erased("a", {}, d.text());
  }
  replicator_->changed("a");
  idle();
  for (const auto& [tag, d] : tags) {
    source_.add_manifest("a", documents.at(tag).media_type, documents.at(tag).bytes);
    source_.set_tag("a", tag, d);
  }
  pauses_.advance(settings_.apart_look_ms);
  settle();
  idle();
  EXPECT_EQ(repository("a").parked, 0u);
}

TEST_F(replicator_test, the_last_of_many_deletions_by_digest_is_looked_for_too) {
  std::vector<digest> all;
  for (int n = 10; n < 40; ++n) {
    const std::string tag = "v" + std::to_string(n);
    all.push_back(push("a", tag, tag));
    say_pushed_digest("a", all.back());
  }
  start();
  idle();
  clock_.advance_us(3'600'000'000);
  std::ranges::sort(all);
  const manifest_document last = *source_.manifest_at("a", all.back().text());
  for (int n = 10; n < 40; ++n) say_observed_gone("a", "v" + std::to_string(n));
  for (const digest& d : all) {
    source_.erase_manifest("a", d);
    say_erased("a", {}, d.text());
  }
  replicator_->changed("a");
  idle();
  ASSERT_EQ(repository("a").parked, 60u);
  source_.add_manifest("a", last.media_type, last.bytes);
  for (int hour = 0; hour < 5; ++hour) {
    pauses_.advance(settings_.apart_look_ms);
    settle();
    idle();
  }
  EXPECT_EQ(item("a", all.back().text()).state, item_state::done);
}

}  // namespace
}  // namespace longshore::engine
