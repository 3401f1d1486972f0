#include "engine/operator_actions.h"

#include "engine/journal_records.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class operator_actions_test : public engine_world {
 protected:
  void TearDown() override {
    if (replicator_) run(replicator_->stop());
  }
  void start() {
    pauses_.at_once = false;
    world_ = std::make_unique<sync_world>(world());
    replicator_ = std::make_unique<replicator>(context_.get_executor(), *world_, replicator_options{});
    EXPECT_TRUE(replicator_->start());
    actions_ = std::make_unique<operator_actions>(*world_, *replicator_);
  }
  void idle() { run(replicator_->idle()); }
  digest push(const std::string& name, const std::string& tag, const std::string& layer) {
    const digest d = add_oci_image(source_, name, {layer});
    source_.set_tag(name, tag, d);
    say_pushed(name, tag, d);
    if (replicator_) replicator_->changed(name);
    return d;
  }
  std::uint64_t act(operator_verb verb, std::vector<std::string> names, const std::vector<std::string>& tags = {}) {
    operator_request r{verb, std::move(names), *parse_tag_rules(tags), "not needed"};
    auto n = run(actions_->carry_out(std::move(r)));
    EXPECT_TRUE(n) << n.error().text;
    return n.value_or(0);
  }
  std::unique_ptr<sync_world> world_;
  std::unique_ptr<replicator> replicator_;
  std::unique_ptr<operator_actions> actions_;
};

TEST_F(operator_actions_test, a_retry_does_not_wait_for_its_time) {
  target_.fail_always(away());
  start();
  push("a", "v1", "x");
  idle();
  ASSERT_EQ(replicator_->status().waiting, 1u);
  target_.fail_always(std::nullopt);
  EXPECT_EQ(act(operator_verb::retry, {"a"}), 1u);
  idle();
  EXPECT_EQ(repository("a").state, sync_state::synced);
  EXPECT_EQ(act(operator_verb::retry, {"a"}), 0u);
  expect_mirrored("a");
}

TEST_F(operator_actions_test, what_is_skipped_is_settled_and_a_newer_event_takes_it_up_again) {
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "get_manifest" && c.ref == "bad") source_.erase_blob("a", digest::of("broken"));
  };
  push("a", "bad", "broken");
  push("a", "v1", "x");
  start();
  idle();
  EXPECT_EQ(repository("a").state, sync_state::failed);
  EXPECT_EQ(act(operator_verb::skip, {"a"}, {"b*"}), 1u);
  idle();
  EXPECT_EQ(repository("a").state, sync_state::synced);
  EXPECT_EQ(item("a", "bad").state, item_state::skipped);
  EXPECT_EQ(item("a", "bad").reason, "operator: not needed");
  EXPECT_TRUE(target_.tag("a", "v1"));
  EXPECT_EQ(act(operator_verb::skip, {"a"}), 0u);
  source_.before = nullptr;
  push("a", "bad", "mended");
  idle();
  EXPECT_EQ(item("a", "bad").state, item_state::done);
}

TEST_F(operator_actions_test, a_skip_during_a_pass_keeps_items_from_being_begun_and_from_failing) {
  settings_.items_at_once = 1;
  for (int i = 0; i < 4; ++i) push("a", "v" + std::to_string(i), "l" + std::to_string(i));
  bool asked = false;
  std::optional<result<std::uint64_t>> done;
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb != "open_blob" || std::exchange(asked, true)) return;
    boost::asio::co_spawn(context_, actions_->carry_out({operator_verb::skip, {"a"}, {}, "enough"}),
                          [&](std::exception_ptr, result<std::uint64_t> n) { done = std::move(n); });
    source_.erase_blob("a", digest::of("l0"));
  };
  start();
  run_until([&] { return done.has_value(); });
  EXPECT_EQ(**done, 4u);
  idle();
  settle();
  idle();
  EXPECT_EQ(repository("a").skipped, 4u);
  EXPECT_EQ(item("a", "v0").state, item_state::skipped) << item("a", "v0").reason;
  EXPECT_EQ(source_.count("get_manifest", "v3"), 0u);
  EXPECT_EQ(repository("a").state, sync_state::synced);
}

TEST_F(operator_actions_test, what_is_unparked_or_was_skipped_is_tried_again) {
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  start();
  push("a", "v1", "x");
  push("a", "w1", "y");
  idle();
  ASSERT_EQ(item("a", "v1").state, item_state::parked);
  EXPECT_EQ(act(operator_verb::skip, {"a"}, {"w*"}), 1u);
  idle();
  target_.does.refused_types.clear();
  EXPECT_EQ(act(operator_verb::unpark, {"a"}, {"v*"}), 1u);
  idle();
  EXPECT_TRUE(target_.tag("a", "v1"));
  EXPECT_FALSE(target_.tag("a", "w1"));
  EXPECT_EQ(act(operator_verb::unpark, {"a"}), 1u);
  idle();
  expect_mirrored("a");
  EXPECT_EQ(repository("a").parked + repository("a").skipped, 0u);
  EXPECT_EQ(repository("a").state, sync_state::synced);
  EXPECT_EQ(act(operator_verb::unpark, {"a"}), 0u);
}

TEST_F(operator_actions_test, a_parked_manifest_is_unparked_by_its_digest_and_nothing_else_is) {
  const digest d = add_oci_image(source_, "a", {"untagged"});
  say_pushed_digest("a", d);
  push("a", "v1", "x");
  const auto wanted = [&](const std::string& ref) { return **desired_->item("a", ref); };
  ASSERT_TRUE(run(journal_->append({record::skip_asked(wanted("v1"), "for a reason"),
                                    record::item_parked(wanted(d.text()), {errc::rejected, "refused"})})));
  start();
  idle();
  ASSERT_EQ(item("a", d.text()).state, item_state::parked);
  auto n = run(actions_->carry_out({operator_verb::unpark, {"a"}, {}, {}, {d.text()}}));
  EXPECT_EQ(*n, 1u);
  idle();
  EXPECT_EQ(item("a", d.text()).state, item_state::done);
  EXPECT_EQ(item("a", "v1").state, item_state::skipped);
}

TEST_F(operator_actions_test, an_unpark_during_a_pass_is_not_settled_by_its_end) {
  target_.does.refused_types.insert(std::string(media_type::oci_manifest));
  start();
  push("a", "v1", "x");
  idle();
  ASSERT_EQ(item("a", "v1").state, item_state::parked);
  target_.does.refused_types.clear();
  std::optional<result<std::uint64_t>> done;
  bool asked = false;
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb != "open_blob" || std::exchange(asked, true)) return;
    boost::asio::co_spawn(context_, actions_->carry_out({operator_verb::unpark, {"a"}, {}, {}}),
                          [&](std::exception_ptr, result<std::uint64_t> n) { done = std::move(n); });
  };
  push("a", "v2", "z");
  run_until([&] { return done.has_value(); });
  idle();
  expect_mirrored("a");
  EXPECT_EQ(repository("a").state, sync_state::synced);
}

TEST_F(operator_actions_test, a_resync_goes_over_everything_and_forgets_skips) {
  start();
  push("a", "v1", "x");
  idle();
  EXPECT_EQ(act(operator_verb::resync, {"a"}), 1u);
  idle();
  EXPECT_EQ(journaled(log::event_kind::sync_succeeded).size(), 2u);
}

TEST_F(operator_actions_test, a_start_with_other_filters_takes_up_what_they_left_out) {
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make({.tags_exclude = {"v*"}}));
  push("a", "v1", "x");
  ASSERT_TRUE(pass_over("a")->synced);
  EXPECT_FALSE(target_.tag("a", "v1"));
  copying_.filter = std::make_shared<replication_filter>();
  start();
  idle();
  expect_mirrored("a");
}

TEST_F(operator_actions_test, the_status_shows_images_at_work_and_how_much_is_open) {
  start();
  std::uint64_t most_open = 0;
  std::string seen;
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb != "open_blob") return;
    const auto s = replicator_->status();
    most_open = std::max(most_open, s.bytes_open);
    for (const auto& job : s.running) {
      for (const auto& image : job.progress.images) seen = image.repository + ":" + image.ref;
    }
    replicator_->measure();
  };
  push("a", "v1", std::string(5'000, 'x'));
  idle();
  EXPECT_GE(most_open, 5'000u);
  EXPECT_EQ(seen, "a:v1");
  EXPECT_EQ(replicator_->status().bytes_open, 0u);
  push("b", "v1", std::string(5'000, 'x'));
  idle();
  EXPECT_GE(replicator_->status().blobs.bytes_mounted, 5'000u);
}

}  // namespace
}  // namespace longshore::engine
