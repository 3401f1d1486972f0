#include "engine/verification.h"

#include "engine/journal_records.h"
#include "engine/repository_state.h"
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
  std::unique_ptr<log::appender> to_;
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

TEST_F(verification_test, what_could_not_be_compared_is_known_until_somebody_compares_it) {
  push("a", "v1");
  push("b", "v1");
  start();
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.repository != "a") return std::nullopt;
    return memory_registry::fault{away()};
  };
  verify({});
  ASSERT_EQ(verification_->not_compared().size(), 1u);
  EXPECT_FALSE(verification_->not_compared().at("a").empty());
  verify({{"b"}, false, true});
  EXPECT_TRUE(verification_->not_compared().contains("a")) << "another run says nothing of it";
  source_.faults = nullptr;
  verify({{"a"}, false, true});
  EXPECT_TRUE(verification_->not_compared().empty());
}

TEST_F(verification_test, what_the_schedule_could_and_could_not_compare_is_known_too) {
  push("a", "v1");
  push("b", "v1");
  clock_.advance_us(1'000'000);
  start({.every_ms = 200, .one = {}});
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.repository != "a") return std::nullopt;
    return memory_registry::fault{away()};
  };
  clock_.advance_us(10'000'000);
  run_until([&] { return verification_->scheduled().done >= 2; });
  ASSERT_EQ(verification_->not_compared().size(), 1u);
  source_.faults = nullptr;
  clock_.advance_us(10'000'000);
  run_until([&] { return verification_->not_compared().empty(); });
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

TEST_F(verification_test, a_clock_that_was_set_back_keeps_nothing_from_being_verified) {
  push("a", "v1");
  clock_.advance_us(1'000'000);
  start({.every_ms = 200, .one = {}});
  clock_.advance_us(10'000'000);
  run_until([&] { return verification_->scheduled().clean >= 1; });
  const std::size_t before = verification_->scheduled().clean;
  clock_.advance_us(-3'600'000'000);
  run_until([&] { return verification_->scheduled().clean > before; });
}

TEST_F(verification_test, a_clock_that_was_set_back_hides_no_run_that_ended_before_its_end) {
  push("a", "v1");
  start({.every_ms = 86'400'000, .one = {}});
  journal_sequencer_->stop();
  ASSERT_NE(verify({}).failure, "");
  EXPECT_NE(verification_->broken_off(), "");
  clock_.advance_us(-3'600'000'000);
  EXPECT_NE(verification_->broken_off(), "");
  clock_.advance_us(25 * 3'600'000'000);
  EXPECT_EQ(verification_->broken_off(), "") << "the schedule has been round";
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

TEST_F(verification_test, what_stays_amiss_is_journaled_once) {
  push("a", "v1");
  start();
  target_.set_tag("a", "foreign", *target_.tag("a", "v1"));
  for (int n = 0; n < 3; ++n) verify({});
  EXPECT_EQ(journaled(log::event_kind::repository_amiss).size(), 1u);
}

TEST_F(verification_test, a_finding_that_a_pass_touched_is_mended_or_shown) {
  push("a", "v1");
  push("a", "v2");
  clock_.advance_us(3'600'000'000);
  start({.every_ms = 0, .one = {.tags_per_page = 1}});
  ASSERT_EQ(verify({}).clean, 1u);
  target_.erase_tag("a", "v1");
  ASSERT_EQ(verify({{}, false, false}).mismatches_found, 1u);
  const auto shown = [&] { return state_of(**desired_->repository("a"), repository("a")).state; };
  ASSERT_EQ(shown(), sync_state::failed);
  bool said = false;
  target_.before = [&](const memory_registry::call& c) {
    if (said || c.verb != "resolve" || c.ref != "v2") return;
    said = true;  // v1 was judged: the same image is pushed again, as a rebuild does
    say_pushed("a", "v1", *source_.tag("a", "v1"));
    replicator_->changed("a");
  };
  EXPECT_EQ(verify({}).mismatches_found, 1u);
  target_.before = nullptr;
  ASSERT_TRUE(said);
  run(replicator_->idle());
  const bool there = target_.tag("a", "v1").has_value();
  EXPECT_TRUE(there || shown() != sync_state::synced) << "asked to mend; not mended; and what was red is green";
}

TEST_F(verification_test, what_was_amiss_is_shown_until_its_items_are_open_again) {
  push("a", "v1");
  clock_.advance_us(3'600'000'000);
  start();
  target_.erase_tag("a", "v1");
  ASSERT_EQ(verify({{}, false, false}).mismatches_found, 1u);
  ASSERT_EQ(verify({{}, false, true}).mismatches_found, 1u);
  run(replicator_->idle());
  const auto amiss = journaled(log::event_kind::repository_amiss);
  const auto opened = journaled(log::event_kind::mismatched);
  ASSERT_EQ(amiss.size(), 2u);
  ASSERT_EQ(opened.size(), 1u);
  std::uint64_t taken_back = 0, opened_at = 0;
  EXPECT_TRUE(journal_log_->fold({0}, journal_log_->durable_size(), [&](event_seq seq, std::string_view record) {
    auto e = log::decode(record);
    if (e && e->kind == log::event_kind::repository_amiss) taken_back = seq.value;
    if (e && e->kind == log::event_kind::mismatched) opened_at = seq.value;
    return result<bool>(true);
  }));
  EXPECT_LT(opened_at, taken_back);
}

TEST_F(verification_test, more_findings_than_the_journal_takes_at_once_are_mended_or_shown) {
  std::vector<std::string> layers;
  for (int n = 0; n < 60; ++n) layers.push_back("layer " + std::to_string(n));
  const digest d = add_oci_image(source_, "a", layers);
  source_.set_tag("a", "v1", d);
  say_pushed("a", "v1", d);
  clock_.advance_us(3'600'000'000);
  start();
  ASSERT_TRUE(target_.tag("a", "v1"));
  run(verification_->stop());
  run(replicator_->stop());
  verification_.reset();
  replicator_.reset();
  copier_.reset();
  pauses_.resume();
  journal_sequencer_->stop();
  log::sequencer_options small;
  small.queue_events_max = 40;
  journal_sequencer_ = *log::sequencer::start(
      *journal_log_, {actual_.get(), locations_.get(), uploads_.get(), reconciled_.get()}, clock_, small);
  journal_ = std::make_unique<journal>(*journal_sequencer_, "here");
  where_ = std::make_unique<journaled_locations>(*journal_, *locations_, *actual_, *uploads_);
  start();
  for (const std::string& layer : layers) target_.erase_blob("a", digest::of(layer));
  for (int n = 0; n < 3; ++n) {
    verify({});
    run(replicator_->idle());
  }
  const bool whole = target_.is_whole("a", d);
  EXPECT_TRUE(whole || state_of(**desired_->repository("a"), repository("a")).state != sync_state::synced);
}

TEST_F(verification_test, a_tag_whose_event_was_on_its_way_is_not_red_once_it_came) {
  push("a", "v1");
  clock_.advance_us(3'600'000'000);
  start();
  const digest d = add_oci_image(source_, "a", {"new"});
  source_.set_tag("a", "v2", d);
  verify({});
  say_pushed("a", "v2", d);
  replicator_->changed("a");
  run(replicator_->idle());
  expect_mirrored("a");
  EXPECT_EQ(state_of(**desired_->repository("a"), repository("a")).state, sync_state::synced);
}

TEST_F(verification_test, a_pass_that_takes_long_does_not_keep_other_repositories_from_being_verified) {
  push("a", "v1");
  push("b", "v1");
  clock_.advance_us(3'600'000'000);
  start();
  for (const char* r : {"a", "b"}) target_.erase_tag(r, "v1");
  pauses_.at_once = false;
  const digest early = add_oci_image(source_, "a", {"a tag that the source does not show yet"});
  say_pushed("a", "early", early);
  replicator_->changed("a");
  run_until([&] { return pauses_.waiting() > 0; });
  ASSERT_TRUE(verification_->begin({}));
  run_until([&] { return target_.tag("b", "v1") && verification_->last().reopening == 1; });
  EXPECT_TRUE(verification_->last().running) << "what is amiss in a is not open again yet";
  EXPECT_EQ(verification_->last().done, 2u);
  EXPECT_FALSE(target_.tag("a", "v1"));
  pauses_.at_once = true;
  source_.set_tag("a", "early", early);
  pauses_.advance(60'000);
  run(verification_->wait(30'000));
  EXPECT_FALSE(verification_->last().running);
  run(replicator_->idle());
  EXPECT_TRUE(target_.tag("a", "v1"));
}

TEST_F(verification_test, a_stop_ends_a_run_that_waits_for_a_pass) {
  push("a", "v1");
  clock_.advance_us(3'600'000'000);
  start();
  target_.erase_tag("a", "v1");
  pauses_.at_once = false;
  const digest early = add_oci_image(source_, "a", {"a tag that the source does not show yet"});
  say_pushed("a", "early", early);
  replicator_->changed("a");
  run_until([&] { return pauses_.waiting() > 0; });
  ASSERT_TRUE(verification_->begin({}));
  run_until([&] { return verification_->last().reopening == 1; });
  run(verification_->stop());
  EXPECT_FALSE(verification_->last().running);
  EXPECT_NE(state_of(**desired_->repository("a"), repository("a")).state, sync_state::synced);
}

TEST_F(verification_test, what_the_target_does_not_serve_is_shown_until_it_does) {
  push("a", "v1");
  push("a", "v2");
  clock_.advance_us(3'600'000'000);
  start();
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    const bool damaged = c.ref == "v1" || c.ref == source_.tag("a", "v1")->text();
    if (!damaged || (c.verb != "resolve" && c.verb != "get_manifest")) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "status 500"}};
  };
  EXPECT_EQ(verify({}).unknown_repositories, 1u);
  const auto shown = [&] { return state_of(**desired_->repository("a"), repository("a")); };
  EXPECT_EQ(shown().state, sync_state::failed);
  EXPECT_NE(shown().last_sync_failure.find("v1"), std::string::npos) << shown().last_sync_failure;
  target_.faults = nullptr;
  EXPECT_EQ(verify({}).clean, 1u);
  EXPECT_EQ(shown().state, sync_state::synced);
}

TEST_F(verification_test, a_doubt_of_a_repository_that_is_left_out_ends) {
  push("a", "v1");
  push("b", "v1");
  clock_.advance_us(3'600'000'000);
  start();
  for (const char* r : {"a", "b"}) {
    ASSERT_TRUE(run(journal_->append({record::content_doubted(r, digest::of("base"))})));
  }
  run(verification_->stop());
  run(replicator_->stop());
  verification_.reset();
  replicator_.reset();
  copier_.reset();
  pauses_.resume();
  filter_rules without_a;
  without_a.exclude = {"a"};
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make(std::move(without_a)));
  start();
  ASSERT_EQ(verify({}).clean, 1u) << "the bytes are right";
  ASSERT_EQ(repository("b").doubted, 0u);
  target_.forget_calls();
  push("c", "v1");
  replicator_->changed("c");
  run(replicator_->idle());
  expect_mirrored("c");
  EXPECT_EQ(repository("c").doubted, 0u) << "red until its next verification, and so is every repository from now on";
  EXPECT_EQ(target_.bytes_received(digest::of("base")), std::string("base").size()) << "promise 10";
}

class refuses_the_second_part final : public log::appender {
 public:
  explicit refuses_the_second_part(log::appender& to) : to_(&to) {}
  result<void> submit(std::vector<log::event> events, log::on_appended done) override {
    const auto opens = [](const log::event& e) {
      return e.kind == log::event_kind::lost || e.kind == log::event_kind::mismatched;
    };
    if (!events.empty() && opens(events.front()) && ++parts == 2)
      return fail(errc::busy, "the journal's queue is full");
    return to_->submit(std::move(events), std::move(done));
  }
  result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& root,
                           log::on_appended done) override {
    return to_->submit_copy(first, std::move(records), root, std::move(done));
  }
  int parts = 0;

 private:
  log::appender* to_;
};

TEST_F(verification_test, what_was_opened_in_part_is_worked_on) {
  std::map<std::string, digest> images;
  for (const std::string tag : {"v1", "v2", "v3", "v4", "v5"}) {
    std::vector<std::string> layers;
    for (int n = 0; n < 990; ++n) layers.push_back(tag + " layer " + std::to_string(n));
    const digest d = add_oci_image(source_, "a", layers);
    source_.set_tag("a", tag, d);
    say_pushed("a", tag, d);
    images.emplace(tag, d);
  }
  clock_.advance_us(3'600'000'000);
  auto refuses = std::make_unique<refuses_the_second_part>(*journal_sequencer_);
  refuses_the_second_part& part = *refuses;
  to_ = std::move(refuses);
  journal_ = std::make_unique<journal>(part, "here");
  where_ = std::make_unique<journaled_locations>(*journal_, *locations_, *actual_, *uploads_);
  start();
  for (const auto& [tag, d] : images) ASSERT_TRUE(target_.is_whole("a", d));
  for (const digest& blob : target_.blobs("a")) target_.erase_blob("a", blob);
  part.parts = 0;
  verify({});
  ASSERT_EQ(part.parts, 2);
  ASSERT_FALSE(journaled(log::event_kind::mismatched).empty()) << "some are open";
  run(replicator_->idle());
  pauses_.advance(3'600'000);
  run(replicator_->idle());
  EXPECT_TRUE(target_.is_whole("a", images.at("v1"))) << "open, and nobody works on it";
}

TEST_F(verification_test, an_older_verdict_takes_nothing_back_that_a_newer_one_found) {
  push("a", "v1");
  clock_.advance_us(3'600'000'000);
  start({.every_ms = 3'600'000, .one = {}});
  clock_.advance_us(4'000'000'000);
  target_.erase_tag("a", "v1");
  pauses_.at_once = false;
  const digest early = add_oci_image(source_, "a", {"a tag that the source does not show yet"});
  say_pushed("a", "early", early);
  replicator_->changed("a");
  run_until([&] { return pauses_.waiting() > 0; });
  run_until([&] { return verification_->scheduled().reopening == 1; });
  target_.set_tag("a", "by-hand", *source_.tag("a", "v1"));
  const digest other = add_oci_image(target_, "a", {"by hand"});
  target_.set_tag("a", "by-hand", other);
  EXPECT_GE(verify({{}, false, false}).mismatches_found, 2u);
  ASSERT_GE(repository("a").amiss, 2u);
  pauses_.at_once = true;
  source_.set_tag("a", "early", early);
  pauses_.advance(60'000);
  run_until([&] { return verification_->scheduled().reopening == 0; });
  run(replicator_->idle());
  ASSERT_TRUE(target_.tag("a", "v1"));
  EXPECT_NE(state_of(**desired_->repository("a"), repository("a")).state, sync_state::synced)
      << "the last verification found by-hand, and it is still there";
}

}  // namespace
}  // namespace longshore::engine
