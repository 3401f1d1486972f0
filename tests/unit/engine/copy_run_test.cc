#include "engine/copy_run.h"

#include "engine/planned_target.h"
#include "engine/routed_registry.h"
#include "engine/target_survey.h"
#include "tests/unit/engine/copy_run_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

using copy_run_test = copy_run_world;

TEST_F(copy_run_test, all_tags_of_a_repository_arrive_whole) {
  for (int i = 0; i < 7; ++i) add("a", "v" + std::to_string(i), {"base", "own" + std::to_string(i)});
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.copied, 7u);
  EXPECT_EQ(f.failed, 0u);
  EXPECT_EQ(outcomes_.size(), 7u);
  expect_mirrored("a");
}

TEST_F(copy_run_test, a_layer_that_many_repositories_share_is_sent_once_and_mounted_elsewhere) {
  for (const char* r : {"a", "b", "c"}) add(r, "v1", {"shared base", std::string("own of ") + r});
  copy_afresh({{"a", {}}, {"b", {}}, {"c", {}}});
  EXPECT_EQ(source_.bytes_served(digest::of("shared base")), 11u);
  for (const char* r : {"a", "b", "c"}) expect_mirrored(r);
}

TEST_F(copy_run_test, a_repository_that_the_target_does_not_know_is_not_asked_for_each_small_blob) {
  add("a", "v1", {"one", "two", "three"});
  copy_afresh({{"a", {}}});
  EXPECT_EQ(target_.count("stat_blob"), 0u);
}

TEST_F(copy_run_test, nothing_is_sent_again_by_a_second_run) {
  for (int i = 0; i < 5; ++i) add("a", "v" + std::to_string(i), {"base", "own" + std::to_string(i)});
  copy_afresh({{"a", {}}});
  target_.forget_calls();
  source_.forget_calls();
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.unchanged, 5u);
  EXPECT_EQ(f.copied, 0u);
  EXPECT_EQ(target_.count("put_manifest") + target_.count("begin_blob") + target_.count("stat_blob"), 0u);
  // A listing, and for each tag one look: the least that tells whether it moved.
  EXPECT_EQ(source_.operations(), 6u);
  EXPECT_EQ(target_.operations(), 6u);
}

TEST_F(copy_run_test, only_what_moved_is_sent_and_what_the_target_has_is_not_even_looked_for) {
  for (int i = 0; i < 5; ++i) add("a", "v" + std::to_string(i), {"base", "own" + std::to_string(i)});
  copy_afresh({{"a", {}}});
  add("a", "v3", {"base", "own3", "more"});
  target_.forget_calls();
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.copied, 1u);
  EXPECT_EQ(f.unchanged, 4u);
  EXPECT_EQ(target_.count("stat_blob"), 2u) << "of the new layer and the new config alone";
  expect_mirrored("a");
}

TEST_F(copy_run_test, a_tag_published_earlier_costs_the_target_nothing_and_an_immutable_one_nobody) {
  for (int i = 0; i < 5; ++i) add("a", "v" + std::to_string(i), {"own" + std::to_string(i)});
  std::map<std::string, std::string> known;
  copy_afresh({{"a", {}}});
  for (const copy_outcome& o : outcomes_) known[o.item.ref.target] = o.digest;
  options_.published = [&](const std::string&, const std::string& ref) -> result<std::optional<std::string>> {
    const auto at = known.find(ref);
    return at == known.end() ? std::optional<std::string>() : at->second;
  };
  target_.forget_calls();
  source_.forget_calls();
  EXPECT_EQ(copy_afresh({{"a", {}}}).unchanged, 5u);
  EXPECT_EQ(target_.operations(), 0u);
  EXPECT_EQ(source_.operations(), 6u);
  options_.immutable = [](std::string_view) { return true; };
  source_.forget_calls();
  EXPECT_EQ(copy_afresh({{"a", {}}}).unchanged, 5u);
  EXPECT_EQ(source_.operations() + target_.operations(), 1u) << "the listing";
}

TEST_F(copy_run_test, a_tag_goes_under_another_name_and_a_digest_under_a_tag) {
  const digest d = add_docker_image(source_, "a", {"one"});
  source_.set_tag("a", "1", d);
  EXPECT_EQ(copy_afresh({{"a", {{"1", "latest"}, {d.text(), "pinned"}, {d.text(), d.text()}}}}).failed, 0u);
  EXPECT_EQ(target_.tag("a", "latest"), d);
  EXPECT_EQ(target_.tag("a", "pinned"), d);
  EXPECT_FALSE(target_.tag("a", "1"));
}

TEST_F(copy_run_test, of_two_tags_for_one_name_one_is_copied_and_the_other_fails) {
  for (const char* tag : {"t1", "t2"}) add("a", tag, {std::string("layer of ") + tag});
  const copy_figures f = copy_afresh({{"a", {{"t1", "latest"}, {"t2", "latest"}}}});
  EXPECT_EQ(f.items, 2u);
  EXPECT_EQ(f.copied, 1u);
  EXPECT_EQ(f.failed, 1u);
  EXPECT_EQ(target_.tag("a", "latest"), source_.tag("a", "t1"));
}

TEST_F(copy_run_test, what_is_named_for_a_tag_goes_before_the_sources_tag_of_that_name) {
  for (const char* tag : {"t1", "t2"}) add("a", tag, {std::string("layer of ") + tag});
  const copy_figures f = copy_afresh({{"a", {}}, {"a", {{"t2", "t1"}}}});
  EXPECT_EQ(f.items, 2u);
  EXPECT_EQ(f.copied, 2u);
  for (const char* tag : {"t1", "t2"}) EXPECT_EQ(target_.tag("a", tag), source_.tag("a", "t2"));
}

TEST_F(copy_run_test, a_repository_named_as_a_whole_and_by_tags_gets_every_tag_once_and_the_other_names_besides) {
  for (const char* tag : {"t1", "t2", "t3"}) add("a", tag, {std::string("layer of ") + tag});
  const copy_figures f =
      copy_afresh({{"a", {{"t1", "t1"}}}, {"a", {}}, {"a", {{"t2", "second"}}}, {"a", {{"gone", "gone"}}}});
  EXPECT_EQ(f.repositories, 1u);
  EXPECT_EQ(f.items, 5u);
  EXPECT_EQ(f.copied, 4u);
  EXPECT_EQ(f.failed, 1u) << "a tag that was named and is not there is not passed over";
  EXPECT_EQ(target_.tag("a", "second"), source_.tag("a", "t2"));
  for (const char* tag : {"t1", "t2", "t3"}) EXPECT_EQ(target_.tag("a", tag), source_.tag("a", tag));
  EXPECT_TRUE(target_.violations().empty());
}

TEST_F(copy_run_test, tags_named_one_by_one_in_many_routes_are_an_item_each_and_repeated_ones_are_one) {
  std::vector<copy_route> routes;
  for (int i = 0; i < 12; ++i) {
    const std::string tag = "v" + std::to_string(i);
    add("a", tag, {"own" + std::to_string(i)});
    for (int times = 0; times < 2; ++times) routes.push_back({"a", {{tag, tag}}});
  }
  const copy_figures f = copy_afresh(std::move(routes));
  EXPECT_EQ(f.items, 12u);
  EXPECT_EQ(f.copied, 12u);
  EXPECT_EQ(outcomes_.size(), 12u);
  EXPECT_EQ(target_.count("list_tags"), 1u);
}

TEST_F(copy_run_test, one_bad_image_does_not_stop_the_others_and_is_named) {
  add("a", "good", {"one"});
  const digest bad = add_docker_image(source_, "a", {"two"});
  source_.set_tag("a", "bad", bad);
  source_.erase_blob("a", digest::of("two"));
  const copy_figures f = copy_afresh({{"a", {}}, {"b", {{"absent", "absent"}}}});
  EXPECT_EQ(f.copied, 1u);
  EXPECT_EQ(f.failed, 2u);
  EXPECT_EQ(f.items, 3u);
  EXPECT_TRUE(target_.tag("a", "good"));
  EXPECT_FALSE(target_.tag("a", "bad"));
  for (const copy_outcome& o : outcomes_) EXPECT_EQ(o.end == copy_end::failed, o.why.has_value());
}

TEST_F(copy_run_test, a_registry_that_does_not_answer_ends_the_run_with_everything_failed) {
  for (int i = 0; i < 50; ++i) add("a", "v" + std::to_string(i), {"own" + std::to_string(i)});
  std::vector<copy_route> routes{{"a", {}}};
  source_.before = [this](const memory_registry::call& c) {
    if (c.verb == "list_tags") source_.fail_always(std::nullopt);
    if (c.verb == "get_manifest") source_.fail_always(away());
  };
  const copy_figures f = copy_afresh(std::move(routes));
  EXPECT_EQ(f.failed, 50u);
  EXPECT_EQ(f.items, 50u);
  EXPECT_LT(source_.operations(), 100u) << "it was not asked for each";
}

TEST_F(copy_run_test, a_failure_of_any_single_operation_is_overcome_or_named_and_never_leaves_half_an_image) {
  for (int i = 0; i < 3; ++i) add("a", "v" + std::to_string(i), {"base", "own" + std::to_string(i)});
  std::size_t copied_all = 0;
  for (std::uint64_t n = 0; n < 60; ++n) {
    for (memory_registry* at : {&source_, &target_}) {
      for (const auto when : {memory_registry::fault_at::before, memory_registry::fault_at::after}) {
        memory_registry fresh("fresh");
        to_ = &fresh;
        memory_registry& faulty = at == &target_ ? fresh : source_;
        faulty.fail_operation(n, away(), when);
        const copy_figures f = copy_afresh({{"a", {}}});
        EXPECT_EQ(f.copied + f.failed, 3u) << n;
        copied_all += f.copied == 3 ? 1 : 0;
        EXPECT_TRUE(fresh.violations().empty()) << n;
        EXPECT_EQ(fresh.open_sessions(), 0) << n;
        for (const auto& [tag, d] : fresh.tags("a")) EXPECT_TRUE(fresh.is_whole("a", *digest::parse(d))) << n;
      }
    }
  }
  to_ = &target_;
  EXPECT_EQ(copied_all, 240u) << "one failure is always overcome by another try";
}

TEST_F(copy_run_test, what_several_tries_of_an_image_brought_counts_once) {
  add("a", "old", {"base"});
  copy_afresh({{"a", {}}});
  add("a", "new", {"base", "own"});
  for (const bool fails : {false, true}) {
    int refusals = fails ? options_.tries_max : options_.tries_max - 1;
    target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.verb != "put_manifest" || refusals-- <= 0) return std::nullopt;
      return memory_registry::fault{away()};
    };
    const copy_figures f = copy_afresh({{"a", {}}});
    EXPECT_EQ(f.failed, fails ? 1u : 0u);
    EXPECT_EQ(f.moved.copied.blobs + f.moved.mounted.blobs, 2u) << "the layer of its own and the config";
    EXPECT_EQ(f.moved.present.blobs, 1u) << "the base";
    EXPECT_EQ(f.moved.present.bytes, 4u);
    const auto own = std::ranges::find(outcomes_, std::string("new"), [](const auto& o) { return o.item.ref.target; });
    ASSERT_NE(own, outcomes_.end());
    EXPECT_EQ(own->moved.copied.bytes, f.moved.copied.bytes);
    EXPECT_EQ(own->moved.present.blobs, f.moved.present.blobs);
    add("a", "new", {"base", "own again"});
  }
}

TEST_F(copy_run_test, what_a_filter_leaves_out_is_told_with_its_rule_and_not_copied) {
  add("a", "v1", {"one"});
  add("a", "v1-rc1", {"two"});
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make({.tags_exclude = {"*-rc*"}}));
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.skipped, 1u);
  EXPECT_EQ(f.copied, 1u);
  EXPECT_FALSE(target_.tag("a", "v1-rc1"));
  EXPECT_TRUE(std::ranges::any_of(outcomes_, [](const copy_outcome& o) { return o.rule == "tags_exclude: *-rc*"; }));
}

TEST_F(copy_run_test, a_name_that_a_filter_leaves_out_takes_no_tag_from_the_listing) {
  add("a", "v1", {"one"});
  add("a", "t2", {"two"});
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make({.tags_include = {"v*"}}));
  EXPECT_EQ(copy_afresh({{"a", {}}, {"a", {{"t2", "v1"}}}}).copied, 1u);
  EXPECT_EQ(target_.tag("a", "v1"), source_.tag("a", "v1"));
}

TEST_F(copy_run_test, signatures_follow_the_images_that_a_tag_filter_takes_and_no_others) {
  add("a", "v1", {"one"});
  add("a", "v2", {"two"});
  const auto signature_of = [&](const char* tag) {
    return "sha256-" + std::string(source_.tag("a", tag)->hex()) + ".sig";
  };
  for (const char* tag : {"v1", "v2"}) add("a", signature_of(tag), {std::string("signature of ") + tag});
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make({.tags_include = {"v1"}}));
  for (const bool again : {false, true}) {
    const copy_figures f = copy_afresh({{"a", {}}});
    EXPECT_EQ(again ? f.unchanged : f.copied, 2u);
    EXPECT_EQ(f.skipped, 2u);
    EXPECT_EQ(f.items, 4u);
    EXPECT_TRUE(target_.tag("a", signature_of("v1")));
    EXPECT_FALSE(target_.tag("a", signature_of("v2")));
  }
}

TEST_F(copy_run_test, a_plan_tells_what_a_copy_then_does_and_touches_nothing) {
  for (const char* r : {"a", "b"}) {
    for (int i = 0; i < 4; ++i) add(r, "v" + std::to_string(i), {"base of both", r + std::to_string(i)});
  }
  copy_afresh({{"a", {{"v0", "v0"}}}});
  target_.forget_calls();
  planned_target planned(target_);
  to_ = &planned;
  copier_options_.dry_run = true;
  const copy_figures told = copy_afresh({{"a", {}}, {"b", {}}});
  EXPECT_EQ(target_.count("put_manifest") + target_.count("begin_blob"), 0u);
  EXPECT_EQ(source_.count("open_blob"), 3u) << "of the copy before";
  to_ = &target_;
  copier_options_.dry_run = false;
  const copy_figures done = copy_afresh({{"a", {}}, {"b", {}}});
  EXPECT_EQ(told.copied, done.copied);
  EXPECT_EQ(told.unchanged, done.unchanged);
  EXPECT_EQ(told.moved.copied.blobs, done.moved.copied.blobs);
  EXPECT_EQ(told.moved.copied.bytes, done.moved.copied.bytes);
  EXPECT_EQ(told.moved.mounted.blobs, done.moved.mounted.blobs);
  EXPECT_EQ(told.moved.present.blobs, done.moved.present.blobs);
  expect_mirrored("b");
}

TEST_F(copy_run_test, a_stopped_run_says_of_everything_left_that_it_was_interrupted_and_of_nothing_that_it_failed) {
  for (int i = 0; i < 20; ++i) add("a", "v" + std::to_string(i), {"own" + std::to_string(i)});
  transient_locations fresh;
  copier blobs({source_, target_, fresh, pauses_}, copier_options_);
  const copy_world world{source_, target_, fresh, blobs, copying_};
  copy_figures f;
  copy_run* running = nullptr;
  copy_run stopped(world, pauses_, options_, [&](const copy_outcome&) { running->stop(); });
  running = &stopped;
  f = run(stopped.run({{"a", {}}}));
  EXPECT_EQ(f.copied + f.interrupted, 20u);
  EXPECT_GT(f.copied, 0u);
  EXPECT_GT(f.interrupted, 0u);
  EXPECT_EQ(f.failed, 0u);
}

TEST_F(copy_run_test, an_image_in_the_midst_of_which_the_run_is_stopped_is_interrupted_whatever_it_was_waiting_for) {
  for (const errc code : {errc::stopped, errc::unavailable, errc::not_found}) {
    add("a", "v1", {"one"});
    copy_run* running = nullptr;
    source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.verb != "open_blob") return std::nullopt;
      running->stop();
      return memory_registry::fault{{code, "waiting for the limits of the source was given up"}};
    };
    transient_locations fresh;
    copier blobs({source_, target_, fresh, pauses_}, copier_options_);
    const copy_world world{source_, target_, fresh, blobs, copying_};
    std::optional<error> why;
    copy_run stopped(world, pauses_, options_, [&](const copy_outcome& o) { why = o.why; });
    running = &stopped;
    const copy_figures f = run(stopped.run({{"a", {}}}));
    const bool is_final = code == errc::not_found;
    EXPECT_EQ(f.failed, is_final ? 1u : 0u);
    EXPECT_EQ(f.interrupted, is_final ? 0u : 1u);
    ASSERT_TRUE(why);
    if (!is_final) {
      EXPECT_EQ(why->text, "interrupted; run it again");
    }
  }
}

TEST_F(copy_run_test, a_routed_source_is_read_under_the_targets_names) {
  add("from/here", "v1", {"one"});
  routed_registry routed(source_);
  EXPECT_TRUE(routed.route("to/there", "from/here"));
  EXPECT_TRUE(routed.route("to/there", "from/here"));
  EXPECT_FALSE(routed.route("to/there", "elsewhere"));
  EXPECT_TRUE(run(routed.get_manifest("to/there", "v1")));
  EXPECT_EQ(run(routed.get_manifest("from/here", "v1")).error().code, errc::not_found);
  EXPECT_EQ(run(routed.delete_tag("to/there", "v1")).error().code, errc::unsupported);
  EXPECT_EQ(run(routed.list_repositories(std::nullopt))->names, std::vector<std::string>{"to/there"});
}

class copy_under_another_name : public copy_run_test {
 protected:
  copy_under_another_name() { EXPECT_TRUE(routed.route("mirror/a", "a")); }
  copy_figures copy_from_a(std::vector<copy_ref> refs = {}) {
    transient_locations fresh;
    copier blobs({routed, target_, fresh, pauses_}, copier_options_);
    const copy_world world{routed, target_, fresh, blobs, copying_};
    target_.forget_calls();
    source_.forget_calls();
    copy_run run_once(world, pauses_, options_, [](const copy_outcome&) {});
    return run(run_once.run({{"mirror/a", std::move(refs)}}));
  }
  routed_registry routed{source_};
};

TEST_F(copy_under_another_name, what_the_target_has_under_the_sources_name_is_mounted) {
  for (const char* tag : {"v1", "v2", "v3"}) add("a", tag, {"base", std::string("own of ") + tag});
  copy_afresh({{"a", {}}});
  add("a", "v3", {"base", "new"});
  const copy_figures f = copy_from_a();
  EXPECT_EQ(f.copied, 3u);
  EXPECT_EQ(source_.bytes_served(digest::of("base")), 4u) << "by the copy before";
  EXPECT_EQ(source_.count("open_blob"), 2u) << "the new layer and its config";
  EXPECT_EQ(f.moved.copied.blobs, 2u);
  EXPECT_EQ(target_.count("list_tags"), 2u);
}

TEST_F(copy_under_another_name, one_image_is_looked_for_by_its_tag_at_the_source) {
  add("a", "v1", {"one", "two"});
  copy_afresh({{"a", {}}});
  const copy_figures f = copy_from_a({{"v1", "stable"}});
  EXPECT_EQ(f.moved.mounted.blobs, 3u);
  EXPECT_EQ(f.moved.copied.blobs, 0u);
  EXPECT_EQ(target_.count("list_tags"), 0u);
}

TEST_F(copy_under_another_name, an_index_there_is_looked_through) {
  const digest child = add_docker_image(source_, "a", {"one"});
  source_.set_tag("a", "v1", add_index(source_, "a", {child}));
  copy_afresh({{"a", {}}});
  EXPECT_EQ(copy_from_a().moved.copied.blobs, 0u);
}

TEST_F(copy_under_another_name, a_target_without_it_costs_one_request_and_one_that_is_complete_none) {
  for (const char* tag : {"v1", "v2"}) add("a", tag, {std::string("own of ") + tag});
  const std::uint64_t before = copy_from_a().copied;
  EXPECT_EQ(before, 2u);
  EXPECT_EQ(target_.count("list_tags"), 2u);
  EXPECT_EQ(copy_from_a().unchanged, 2u);
  EXPECT_EQ(target_.operations(), 3u) << "its own listing, and a look at each tag";
}

TEST_F(copy_under_another_name, a_name_that_may_not_be_read_costs_the_mounts_alone) {
  for (const char* tag : {"v1", "v2"}) add("a", tag, {std::string("own of ") + tag});
  copy_afresh({{"a", {}}});
  target_.faults = [](const memory_registry::call& c) {
    const bool is_it = c.verb == "list_tags" && c.repository == "a";
    return is_it ? std::optional(memory_registry::fault{{errc::denied, "not yours"}}) : std::nullopt;
  };
  const copy_figures f = copy_from_a();
  EXPECT_EQ(f.copied, 2u);
  EXPECT_EQ(f.moved.mounted.blobs, 0u);
}

TEST_F(copy_run_test, a_survey_knows_a_filled_target_by_its_manifests) {
  const digest d = add_docker_image(target_, "a", {"one", "two"});
  target_.set_tag("a", "v1", d);
  transient_locations fresh;
  copier blobs({source_, target_, fresh, pauses_}, copier_options_);
  const copy_world world{source_, target_, fresh, blobs, copying_};
  target_survey survey(world);
  EXPECT_EQ(run(survey.list("a", 100)).value(), tag_names{"v1"});
  EXPECT_EQ(run(survey.look_at("a", "v1")).value()->digest, d);
  EXPECT_TRUE(*fresh.holds("a", d.text()));
  EXPECT_TRUE(*fresh.holds("a", digest::of("one").text()));
  EXPECT_EQ(target_.operations(), 2u);
  EXPECT_FALSE(run(survey.look_at("a", "v2")).value());
}

TEST_F(copy_run_test, a_survey_looks_below_an_index_when_it_is_asked_to) {
  const digest child = add_docker_image(target_, "a", {"one"});
  const digest index = add_index(target_, "a", {child});
  target_.set_tag("a", "v1", index);
  transient_locations fresh;
  copier blobs({source_, target_, fresh, pauses_}, copier_options_);
  const copy_world world{source_, target_, fresh, blobs, copying_};
  target_survey survey(world);
  EXPECT_EQ(run(survey.look_at("a", "v1")).value()->digest, index);
  EXPECT_EQ(target_.operations(), 1u);
  EXPECT_FALSE(*fresh.holds("a", index.text()));
  survey.put_aside("a", index);
  ASSERT_TRUE(run(survey.below()));
  EXPECT_TRUE(*fresh.holds("a", index.text()));
  EXPECT_TRUE(*fresh.holds("a", digest::of("one").text()));
}

TEST_F(copy_run_test, a_survey_that_fails_tells_nothing) {
  target_.set_tag("a", "v1", add_docker_image(target_, "a", {"one"}));
  transient_locations fresh;
  copier blobs({source_, target_, fresh, pauses_}, copier_options_);
  const copy_world world{source_, target_, fresh, blobs, copying_};
  target_survey survey(world);
  target_.fail_operation(0, away());
  EXPECT_FALSE(run(survey.list("a", 100)));
  target_.fail_operation(0, away());
  EXPECT_FALSE(run(survey.look_at("a", "v1")));
  EXPECT_FALSE(*fresh.holds("a", digest::of("one").text()));
}

TEST_F(copy_run_test, a_target_that_takes_no_pushes_is_told_in_the_words_of_a_copy) {
  add("a", "v1", {"layer"});
  copying_.by = copied_by::command;
  for (const std::string verb : {"begin_blob", "put_manifest"}) {
    target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.verb != verb) return std::nullopt;
      return memory_registry::fault{{errc::unsupported, "status 405; it takes no pushes: is it read-only?"}};
    };
    EXPECT_EQ(copy_afresh({{"a", {}}}).failed, 1u);
    ASSERT_EQ(outcomes_.size(), 1u);
    const std::string& text = outcomes_[0].why->text;
    EXPECT_NE(text.find("takes no pushes"), std::string::npos) << text;
    EXPECT_EQ(text.find("takes no pushes"), text.rfind("takes no pushes")) << "once: " << text;
    EXPECT_TRUE(text.ends_with("Let it take them, then copy again")) << text;
    EXPECT_EQ(text.find("unpark"), std::string::npos) << text;
  }
}

TEST_F(copy_run_test, a_source_that_refuses_a_blob_is_no_target_that_takes_no_pushes) {
  add("a", "v1", {"layer"});
  copying_.by = copied_by::command;
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "open_blob") return std::nullopt;
    return memory_registry::fault{{errc::unsupported, "source: status 405"}};
  };
  EXPECT_EQ(copy_afresh({{"a", {}}}).failed, 1u);
  ASSERT_EQ(outcomes_.size(), 1u);
  EXPECT_EQ(outcomes_[0].why->text.find("the target takes no pushes"), std::string::npos) << outcomes_[0].why->text;
}

TEST_F(copy_run_test, a_manifest_type_that_the_target_does_not_know_is_no_read_only_target) {
  add("a", "v1", {"layer"});
  copying_.by = copied_by::command;
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "put_manifest") return std::nullopt;
    return memory_registry::fault{{errc::unsupported, "status 400 (UNSUPPORTED: manifest type)"}};
  };
  EXPECT_EQ(copy_afresh({{"a", {}}}).failed, 1u);
  EXPECT_EQ(outcomes_[0].why->text.find("Let it take them"), std::string::npos) << outcomes_[0].why->text;
}

}  // namespace
}  // namespace longshore::engine
