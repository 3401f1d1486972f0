#include "engine/verification.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class verification_test : public engine_world {
 protected:
  void TearDown() override {
    if (verification_) run(verification_->stop());
    if (replicator_) run(replicator_->stop());
  }
  verification& start(verification_settings settings = {.every_ms = 0, .one = {}}) {
    world_ = std::make_unique<sync_world>(world());
    replicator_ = std::make_unique<replicator>(context_.get_executor(), *world_, replicator_options{});
    EXPECT_TRUE(replicator_->start());
    run(replicator_->idle());
    verification_ = std::make_unique<verification>(context_.get_executor(), *world_, *replicator_, std::move(settings));
    verification_->start();
    return *verification_;
  }
  void push(const std::string& repository, const std::string& tag) {
    const digest d = add_oci_image(source_, repository, {"base", repository + tag});
    source_.set_tag(repository, tag, d);
    say_pushed(repository, tag, d);
  }
  const verify_run& verify(verify_request asked) {
    const auto begun = verification_->begin(std::move(asked));
    EXPECT_TRUE(begun) << begun.error().text;
    run(verification_->wait(30'000));
    EXPECT_FALSE(verification_->last().running);
    return verification_->last();
  }
  std::unique_ptr<sync_world> world_;
  std::unique_ptr<replicator> replicator_;
  std::unique_ptr<verification> verification_;
};

TEST_F(verification_test, a_run_verifies_what_it_is_asked_for_and_has_it_mended) {
  push("team/a", "v1");
  push("team/b", "v1");
  push("other", "v1");
  start();
  target_.erase_tag("team/b", "v1");
  const verify_run& r = verify({{"team/*"}, false, true});
  EXPECT_EQ(r.total, 2u);
  EXPECT_EQ(r.clean, 1u);
  EXPECT_EQ(r.mismatched, 1u);
  ASSERT_EQ(r.mismatches.size(), 1u);
  EXPECT_EQ(r.mismatches[0].repository, "team/b");
  run(replicator_->idle());
  expect_mirrored("team/b");
  EXPECT_EQ(verify({}).clean, 3u);
}

TEST_F(verification_test, a_run_that_only_checks_leaves_everything_as_it_is) {
  push("a", "v1");
  start();
  target_.erase_tag("a", "v1");
  EXPECT_EQ(verify({{}, false, false}).mismatches_found, 1u);
  run(replicator_->idle());
  EXPECT_FALSE(target_.tag("a", "v1"));
  EXPECT_TRUE(journaled(log::event_kind::mismatched).empty());
}

TEST_F(verification_test, a_repository_with_a_tag_that_differs_and_is_not_judged_is_not_clean) {
  push("a", "v1");
  push("b", "v1");
  start();
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  target_.erase_tag("a", "v1");
  verify({});
  run(replicator_->idle());
  const verify_run& r = verify({});
  EXPECT_EQ(r.clean, 1u);
  EXPECT_EQ(r.unjudged, 1u);
  EXPECT_EQ(r.parked, 1u);
}

TEST_F(verification_test, one_repository_that_cannot_be_compared_does_not_keep_the_others_from_it) {
  push("a", "v1");
  push("b", "v1");
  start();
  source_.fail_operation(0, away());  // the listing of the first
  const verify_run& r = verify({});
  EXPECT_EQ(r.unknown_repositories, 1u);
  EXPECT_EQ(r.clean, 1u);
  ASSERT_EQ(r.unknowns.size(), 1u);
  EXPECT_EQ(r.unknowns[0].repository, "a");
  EXPECT_FALSE(r.unknowns[0].reason.empty());
}

TEST_F(verification_test, one_run_at_a_time_and_none_over_nothing) {
  push("a", "v1");
  start();
  EXPECT_EQ(verification_->begin({{"nobody/*"}}).error().code, errc::not_found);
  const auto partly = verification_->begin({{"a", "mistyped"}});
  ASSERT_FALSE(partly) << "nobody reads a green light that leaves out what was asked for";
  EXPECT_NE(partly.error().text.find("mistyped"), std::string::npos);
  ASSERT_TRUE(verification_->begin({}));
  EXPECT_EQ(verification_->begin({}).error().code, errc::busy);
  run(verification_->wait(30'000));
}

TEST_F(verification_test, the_schedule_verifies_what_is_due) {
  push("a", "v1");
  push("b", "v1");
  clock_.advance_us(1'000'000);
  start({.every_ms = 200, .one = {}});
  clock_.advance_us(10'000'000);
  run_until([&] { return verification_->scheduled().clean >= 2; });
  EXPECT_GT(repository("a").verified_at.us, 0);
  EXPECT_GT(repository("b").verified_at.us, 0);
}

TEST_F(verification_test, a_stop_ends_a_run_between_two_requests) {
  push("a", "v1");
  start();
  target_.stall("list_tags");
  ASSERT_TRUE(verification_->begin({}));
  run_until([&] { return target_.count("list_tags") > 0; });
  run(verification_->stop());
  EXPECT_FALSE(verification_->last().running);
}

}  // namespace
}  // namespace longshore::engine
