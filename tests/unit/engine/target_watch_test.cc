#include "engine/target_watch.h"

#include "engine/journal_records.h"
#include "log/overheard.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class target_watch_test : public engine_world {
 protected:
  target_watch_test() {
    journal_ = std::make_unique<journal>(heard_, "here");
    where_ = std::make_unique<journaled_locations>(*journal_, *locations_, *actual_, *uploads_);
  }
  void TearDown() override {
    pauses_.stop();
    if (watch_) run(watch_->stop());
    if (verification_) run(verification_->stop());
    if (replicator_) run(replicator_->stop());
  }
  void start() {
    world_ = std::make_unique<sync_world>(world());
    replicator_ = std::make_unique<replicator>(context_.get_executor(), *world_, replicator_options{});
    EXPECT_TRUE(replicator_->start());
    run(replicator_->idle());
    pauses_.at_once = false;
    verification_ = std::make_unique<verification>(context_.get_executor(), *world_, *replicator_,
                                                   verification_settings{.every_ms = 0, .one = {}});
    watch_ = std::make_unique<target_watch>(context_.get_executor(), *world_, *verification_);
    watch_->start();
    settle();
  }
  void push(const std::string& repository, const std::string& tag) {
    const digest d = add_oci_image(source_, repository, {"base of " + repository, repository + tag});
    source_.set_tag(repository, tag, d);
    say_pushed(repository, tag, d);
  }
  // Until the verification that was begun, if any, has ended.
  void step() {
    clock_.advance_us(2'000'000);
    pauses_.advance(2'000);
    settle();
    run(verification_->wait(30'000));
    run(replicator_->idle());
    settle();
  }
  void pass_quiet_time() { clock_.advance_us(target_watch::quiet_us); }
  void empty_the_target() {
    for (const char* r : {"a", "b", "c", "d"}) target_.erase_repository(r);
  }

  log::overheard heard_{*journal_sequencer_, [this](const std::vector<log::event>& submitted) {
                          if (watch_) watch_->note(submitted);
                        }};
  std::unique_ptr<sync_world> world_;
  std::unique_ptr<replicator> replicator_;
  std::unique_ptr<verification> verification_;
  std::unique_ptr<target_watch> watch_;
};

TEST_F(target_watch_test, a_target_that_has_everything_is_not_suspected) {
  for (const char* r : {"a", "b", "c", "d"}) push(r, "v1");
  start();
  for (int n = 0; n < 3; ++n) step();
  EXPECT_EQ(watch_->suspicion(), "");
  EXPECT_EQ(verification_->last().number, 0u);
}

TEST_F(target_watch_test, an_emptied_target_is_noticed_at_the_start_and_filled_again) {
  for (const char* r : {"a", "b", "c", "d"}) push(r, "v1");
  start();
  step();
  ASSERT_EQ(watch_->suspicion(), "");
  empty_the_target();
  std::string said;
  target_.before = [&](const memory_registry::call&) { said = std::max(said, watch_->suspicion()); };
  clock_.advance_us(3'600'000'000);
  step();
  target_.before = nullptr;
  EXPECT_NE(said.find("may have lost content"), std::string::npos);
  EXPECT_NE(said.find("--new-target"), std::string::npos);
  EXPECT_EQ(verification_->last().total, 4u);
  for (const char* r : {"a", "b", "c", "d"}) expect_mirrored(r);
  step();
  EXPECT_EQ(watch_->suspicion(), "");
  EXPECT_EQ(verification_->last().number, 1u);
}

TEST_F(target_watch_test, a_push_that_meets_a_loss_has_all_looked_at) {
  for (const char* r : {"a", "b", "c", "d"}) push(r, "v1");
  start();
  step();
  empty_the_target();
  push("a", "v2");
  replicator_->changed("a");
  run(replicator_->idle());
  ASSERT_TRUE(target_.tag("a", "v2"));
  EXPECT_NE(watch_->suspicion(), "");
  for (int n = 0; n < 8; ++n) step();
  for (const char* r : {"a", "b", "c", "d"}) expect_mirrored(r);
  EXPECT_EQ(watch_->suspicion(), "");
}

TEST_F(target_watch_test, who_has_just_verified_may_ask_again_before_the_site_does) {
  for (const char* r : {"a", "b", "c"}) push(r, "v1");
  start();
  step();
  for (const char* r : {"a", "b"}) target_.erase_tag(r, "v1");
  verify_request two;
  two.repositories = {"a", "b"};
  ASSERT_TRUE(verification_->begin(two));
  run(verification_->wait(30'000));
  run(replicator_->idle());
  step();
  EXPECT_EQ(verification_->last().number, 1u);
  EXPECT_TRUE(verification_->begin(two));
  run(verification_->wait(30'000));
  pass_quiet_time();
  step();
  EXPECT_EQ(verification_->last().number, 3u);
  EXPECT_EQ(verification_->last().total, 3u) << "two losses have all looked at";
}

TEST_F(target_watch_test, a_target_that_does_not_answer_is_not_suspected) {
  push("a", "v1");
  start();
  empty_the_target();
  target_.fail_always(away());
  step();
  EXPECT_EQ(watch_->suspicion(), "");
}

TEST_F(target_watch_test, what_was_kept_and_then_removed_by_hand_is_no_loss) {
  settings_.deletes = delete_mode::keep;
  push("a", "v1");
  push("a", "v2");
  start();
  source_.erase_tag("a", "v1");
  say_observed_gone("a", "v1");
  replicator_->changed("a");
  run(replicator_->idle());
  target_.erase_tag("a", "v1");  // the operator tidies up
  for (int hour = 0; hour < 4; ++hour) {
    clock_.advance_us(3'600'000'000);
    step();
    step();
  }
  EXPECT_EQ(watch_->suspicion(), "");
  EXPECT_EQ(verification_->last().number, 0u) << "all is verified each hour";
}

TEST_F(target_watch_test, a_verification_of_all_that_an_operator_asked_for_ends_a_suspicion) {
  for (const char* r : {"a", "b"}) push(r, "v1");
  start();
  step();
  target_.erase_tag("a", "v1");
  for (int n = 0; n < 2; ++n) {  // finds and mends it; then finds nothing
    ASSERT_TRUE(verification_->begin({}));
    run(verification_->wait(30'000));
    run(replicator_->idle());
    step();
  }
  EXPECT_EQ(watch_->suspicion(), "");
}

TEST_F(target_watch_test, a_check_only_run_of_an_operator_takes_no_mending_away) {
  for (const char* r : {"a", "b"}) push(r, "v1");
  start();
  step();
  target_.erase_tag("a", "v1");
  verify_request asked;
  asked.repair = false;
  ASSERT_TRUE(verification_->begin(asked));
  watch_->note({record::lost("a", *source_.tag("a", "v1"))});  // a pass found it
  ASSERT_NE(watch_->suspicion(), "");
  run(verification_->wait(30'000));
  for (int n = 0; n < 8; ++n) step();
  EXPECT_TRUE(target_.tag("a", "v1")) << "found, suspected, and nobody mends it";
}

TEST_F(target_watch_test, a_run_that_had_passed_the_repository_before_its_sign_came_ends_no_suspicion) {
  for (const char* r : {"a", "b"}) push(r, "v1");
  start();
  step();
  bool once = false;
  target_.before = [&](const memory_registry::call& c) {
    if (c.repository != "b" || std::exchange(once, true)) return;
    target_.erase_tag("a", "v1");
    watch_->note({record::lost("a", *source_.tag("a", "v1"))});
  };
  ASSERT_TRUE(verification_->begin({}));
  run(verification_->wait(30'000));
  ASSERT_TRUE(once);
  for (int n = 0; n < 8; ++n) step();
  EXPECT_TRUE(target_.tag("a", "v1")) << watch_->suspicion();
}

TEST_F(target_watch_test, what_a_run_that_mends_all_has_not_come_to_yet_is_no_new_loss) {
  const std::vector<std::string> all{"a", "b", "c", "d", "e", "f", "g", "h"};
  for (const std::string& r : all) push(r, "v1");
  start();
  step();
  for (const std::string& r : all) target_.erase_repository(r);
  bool once = false;
  target_.before = [&](const memory_registry::call& c) {
    if (c.repository != "b" || std::exchange(once, true)) return;
    clock_.advance_us(3'600'000'000);
    pauses_.advance(2'000);
  };
  ASSERT_TRUE(verification_->begin({}));
  run(verification_->wait(30'000));
  ASSERT_TRUE(once);
  run(replicator_->idle());
  for (int n = 0; n < 8; ++n) step();
  EXPECT_EQ(verification_->last().number, 1u) << "all were verified once more";
  EXPECT_EQ(watch_->suspicion(), "");
  for (const std::string& r : all) expect_mirrored(r);
}

TEST_F(target_watch_test, a_clock_that_was_set_back_keeps_nobody_from_looking) {
  for (const char* r : {"a", "b", "c", "d"}) push(r, "v1");
  start();
  bool once = false;
  target_.before = [&](const memory_registry::call&) {
    if (!std::exchange(once, true)) clock_.advance_us(-48 * 3'600'000'000LL);
  };
  step();
  ASSERT_TRUE(once);
  empty_the_target();
  step();
  EXPECT_EQ(verification_->last().total, 4u);
}

TEST_F(target_watch_test, what_a_run_could_not_compare_stays_suspected) {
  for (const char* r : {"a", "b", "c"}) push(r, "v1");
  start();
  step();
  empty_the_target();
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.repository == "a") return std::nullopt;
    return memory_registry::fault{away()};
  };
  clock_.advance_us(3'600'000'000);
  step();
  step();
  ASSERT_EQ(verification_->last().unknown_repositories, 2u);
  EXPECT_NE(watch_->suspicion(), "") << "b and c are empty, shown as synced, and nobody looks before tomorrow";
  source_.faults = nullptr;
  for (int hour = 0; hour < 5; ++hour) {
    clock_.advance_us(3'600'000'000);
    step();
    step();
  }
  EXPECT_TRUE(target_.tag("b", "v1"));
  EXPECT_TRUE(target_.tag("c", "v1"));
}

}  // namespace
}  // namespace longshore::engine
