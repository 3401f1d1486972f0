#include "engine/removal.h"

#include "engine/journal_records.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

class removal_test : public engine_world {
 protected:
  digest push(const std::string& tag, const std::string& layer) {
    const digest d = add_oci_image(source_, repo, {layer});
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
    return d;
  }
  void untag(const std::string& tag) {
    source_.erase_tag(repo, tag);
    say_erased(repo, tag);
  }
  // As distribution tells it: the manifest, then each tag that was at it.
  void erase(const digest& d, const std::vector<std::string>& tags) {
    source_.erase_manifest(repo, d);
    say_erased(repo, {}, d.text());
    for (const auto& tag : tags) say_erased(repo, tag);
  }
  pass_report must_pass() {
    auto r = pass_over(repo);
    EXPECT_TRUE(r) << r.error().text;
    return r.value_or(pass_report{});
  }
  std::string state(const std::string& ref) { return std::string(name_of(item(repo, ref).state)); }
};

TEST_F(removal_test, a_tag_goes_by_its_name) {
  const auto d = push("v1", "a");
  push("v2", "a");
  must_pass();
  untag("v1");
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
  EXPECT_NE(target_.manifest_at(repo, d.text()), nullptr);
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, a_tag_that_never_came_is_settled_without_a_deletion) {
  const auto d = push("v1", "a");
  erase(d, {"v1"});
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(state("v1"), "removed");
  EXPECT_EQ(target_.count("delete_tag") + target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, a_deletion_that_the_source_does_not_confirm_publishes_instead) {
  push("v1", "a");
  must_pass();
  say_erased(repo, "v1");
  const auto d = push("v2", "b");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(state("v1"), "done");
  EXPECT_EQ(target_.tag(repo, "v2"), d);
  expect_mirrored(repo);
}

TEST_F(removal_test, nothing_is_deleted_while_the_source_cannot_be_asked) {
  push("v1", "a");
  must_pass();
  untag("v1");
  source_.fail_always(away());
  EXPECT_FALSE(must_pass().synced);
  EXPECT_TRUE(target_.tag(repo, "v1"));
  EXPECT_EQ(state("v1"), "failed");
}

TEST_F(removal_test, a_target_without_tag_deletion_follows_a_deletion_by_digest) {
  target_.does.deletes_tags = false;
  const auto d = push("v1", "a");
  push("v2", "a");
  push("stays", "b");
  must_pass();
  erase(d, {"v1", "v2"});
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  EXPECT_EQ(repository(repo).parked, 0u);
  expect_mirrored(repo);
}

TEST_F(removal_test, a_tag_is_never_removed_by_deleting_a_digest_that_a_sibling_needs) {
  target_.does.deletes_tags = false;
  push("v1", "a");
  push("v2", "a");
  must_pass();
  untag("v1");
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(state("v1"), "parked");
  EXPECT_EQ(repository(repo).parked, 1u);
  EXPECT_TRUE(target_.tag(repo, "v1") && target_.tag(repo, "v2"));
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, a_tag_whose_manifest_the_source_still_serves_is_parked) {
  target_.does.deletes_tags = false;
  push("v1", "a");
  must_pass();
  untag("v1");
  must_pass();
  EXPECT_EQ(state("v1"), "parked");
  EXPECT_NE(item(repo, "v1").reason.find("still serves"), std::string::npos);
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, a_tag_of_the_targets_own_protects_its_content) {
  target_.does.deletes_tags = false;
  const auto d = push("v1", "a");
  must_pass();
  target_.set_tag(repo, "local", d);
  erase(d, {"v1"});
  must_pass();
  EXPECT_EQ(state(d.text()), "parked");
  EXPECT_NE(item(repo, d.text()).reason.find("local"), std::string::npos);
  EXPECT_TRUE(target_.tag(repo, "local"));
}

TEST_F(removal_test, a_manifest_that_an_index_at_the_target_includes_is_not_deleted) {
  const auto child = push("amd", "a");
  const auto index = add_index(source_, repo, {child});
  source_.set_tag(repo, "multi", index);
  say_pushed(repo, "multi", index);
  must_pass();
  erase(child, {"amd"});
  EXPECT_TRUE(must_pass().synced) << "trying again and again would change nothing";
  EXPECT_EQ(state(child.text()), "parked");
  EXPECT_EQ(state("amd"), "removed") << "the tag goes by its name";
  EXPECT_TRUE(target_.is_whole(repo, index));
}

TEST_F(removal_test, a_deletion_whose_answer_was_lost_leaves_no_belief_in_what_it_deleted) {
  const auto d = push("v1", "a");
  must_pass();
  target_.does.deletes_tags = false;
  erase(d, {"v1"});
  target_.faults = [](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "delete_manifest") return std::nullopt;
    return memory_registry::fault{away(), memory_registry::fault_at::after};
  };
  EXPECT_FALSE(must_pass().synced);
  target_.faults = nullptr;
  EXPECT_EQ(target_.manifest_at(repo, d.text()), nullptr);
  EXPECT_FALSE(locations_->holds(repo, d.text()).value());
  EXPECT_TRUE(must_pass().synced);
  // Pushed again without a tag: it is not taken to be there.
  add_oci_image(source_, repo, {"a"});
  say_pushed_digest(repo, d);
  EXPECT_TRUE(must_pass().synced);
  EXPECT_TRUE(target_.is_whole(repo, d));
}

TEST_F(removal_test, a_child_goes_after_the_tag_of_its_index_though_its_event_came_first) {
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto index = add_index(source_, repo, {child});
  source_.set_tag(repo, "multi", index);
  say_pushed_digest(repo, child);
  say_pushed(repo, "multi", index);
  must_pass();
  source_.erase_manifest(repo, index);
  source_.erase_manifest(repo, child);
  say_erased(repo, {}, child.text());
  EXPECT_FALSE(must_pass().synced);
  EXPECT_TRUE(target_.tag(repo, "multi") == index && target_.is_whole(repo, index)) << "never in pieces";
  say_erased(repo, {}, index.text());
  must_pass();
  EXPECT_TRUE(must_pass().synced);
  EXPECT_FALSE(target_.tag(repo, "multi"));
  EXPECT_EQ(target_.manifest_at(repo, child.text()), nullptr);
}

TEST_F(removal_test, a_tag_that_was_kept_against_the_logs_word_goes_once_the_source_has_it_no_longer) {
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto index = add_index(source_, repo, {child});
  source_.set_tag(repo, "multi", index);
  say_pushed_digest(repo, child);
  say_pushed(repo, "multi", index);
  must_pass();
  say_erased(repo, "multi");
  must_pass();
  EXPECT_EQ(target_.tag(repo, "multi"), index) << "the source shows it";
  source_.erase_manifest(repo, index);
  source_.erase_manifest(repo, child);
  say_erased(repo, {}, child.text());
  must_pass();
  must_pass();
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  EXPECT_FALSE(target_.tag(repo, "multi"));
  EXPECT_EQ(target_.manifest_at(repo, child.text()), nullptr);
}

TEST_F(removal_test, what_a_tag_needs_that_an_operator_left_out_is_parked_and_the_tag_left_alone) {
  const auto child = add_oci_image(source_, repo, {"a"});
  const auto index = add_index(source_, repo, {child});
  source_.set_tag(repo, "multi", index);
  say_pushed_digest(repo, child);
  say_pushed(repo, "multi", index);
  must_pass();
  push("multi", "b");
  const auto skipped = run(journal_->append({record::skip_asked(**desired_->item(repo, "multi"), "not this one")}));
  ASSERT_TRUE(skipped);
  source_.erase_manifest(repo, index);
  source_.erase_manifest(repo, child);
  say_erased(repo, {}, child.text());
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  EXPECT_EQ(state(child.text()), "parked");
  EXPECT_NE(item(repo, child.text()).reason.find("not this one"), std::string::npos);
  EXPECT_EQ(state("multi"), "skipped");
  EXPECT_EQ(target_.tag(repo, "multi"), index);
}

TEST_F(removal_test, an_incomplete_listing_deletes_nothing) {
  const auto d = push("v1", "a");
  for (int i = 0; i < 8; ++i) push("other" + std::to_string(i), "b");
  must_pass();
  target_.does.deletes_tags = false;
  erase(d, {"v1"});
  int listings = 0;
  target_.before = [&](const memory_registry::call& c) {
    if (c.verb == "list_tags" && ++listings % 2 == 0) target_.fail_operation(0, away());
  };
  target_.does.tags_per_page = 2;
  must_pass();
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
  EXPECT_TRUE(target_.tag(repo, "v1"));
  target_.before = {};
  EXPECT_TRUE(must_pass().synced);
  expect_mirrored(repo);
}

TEST_F(removal_test, a_listing_over_the_limit_deletes_nothing) {
  settings_.target_tags_max = 3;
  target_.does.deletes_tags = false;
  const auto d = push("v1", "a");
  for (int i = 0; i < 8; ++i) push("other" + std::to_string(i), "b");
  must_pass();
  erase(d, {"v1"});
  must_pass();
  EXPECT_EQ(state("v1"), "parked");
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, a_target_that_deletes_nothing_parks_with_the_remedy) {
  target_.does.deletes_tags = target_.does.deletes_manifests = false;
  const auto d = push("v1", "a");
  must_pass();
  erase(d, {"v1"});
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(state("v1"), "parked");
  EXPECT_NE(item(repo, "v1").reason.find("enable deletion"), std::string::npos);
}

TEST_F(removal_test, a_target_that_is_to_keep_what_it_has_keeps_it_and_is_synced) {
  settings_.deletes = delete_mode::keep;
  const auto d = push("v1", "a");
  must_pass();
  erase(d, {"v1"});
  EXPECT_TRUE(must_pass().synced);
  EXPECT_EQ(target_.tag(repo, "v1"), d);
  EXPECT_EQ(item(repo, "v1").digest, d.text());
  EXPECT_EQ(target_.count("delete_tag") + target_.count("delete_manifest"), 0u);
}

TEST_F(removal_test, what_was_deleted_and_comes_back_is_published_again) {
  const auto d = push("v1", "a");
  must_pass();
  erase(d, {"v1"});
  must_pass();
  push("v1", "a");
  EXPECT_TRUE(must_pass().synced) << repository(repo).last_sync_failure;
  expect_mirrored(repo);
}

}  // namespace
}  // namespace longshore::engine
