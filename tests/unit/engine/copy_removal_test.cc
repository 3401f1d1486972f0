#include "engine/copy_removal.h"

#include "engine/copy_run.h"
#include "engine/planned_target.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class copy_removal_test : public engine_world {
 protected:
  copy_removal_test() {
    options_.first_pause_ms = 1;
    options_.removal.on = true;
    for (int i = 0; i < 6; ++i) both("v" + std::to_string(i));
  }

  void both(const std::string& tag) {
    for (memory_registry* at : {&source_, &target_}) at->set_tag("a", tag, add_docker_image(*at, "a", {"of " + tag}));
  }
  digest only_target(const std::string& tag, const std::string& layer) {
    const digest d = add_docker_image(target_, "a", {layer});
    target_.set_tag("a", tag, d);
    return d;
  }
  copy_figures copy(std::vector<copy_route> routes = {{"a", {}}}) {
    outcomes_.clear();
    transient_locations fresh;
    copier_options_.dry_run = options_.removal.dry_run;
    planned_target planned(target_);
    registry& to = options_.removal.dry_run ? static_cast<registry&>(planned) : target_;
    copier blobs({source_, to, fresh, pauses_}, copier_options_);
    const copy_world world{source_, to, fresh, blobs, copying_};
    copy_run run_once(world, pauses_, options_, [this](const copy_outcome& o) { outcomes_.push_back(o); });
    return run(run_once.run(std::move(routes)));
  }
  // "deleted", or why it was not; empty: nothing was told of it. tag empty: of the repository.
  std::string told(const std::string& tag) {
    for (const copy_outcome& o : outcomes_) {
      if (o.item.ref.target != tag) continue;
      if (o.end == copy_end::deleted) return "deleted";
      if (o.end == copy_end::not_deleted) return o.why->text;
    }
    return {};
  }
  std::size_t deletions() { return target_.count("delete_tag") + target_.count("delete_manifest"); }
  bool is_told(const std::string& tag, std::string_view text) { return told(tag).find(text) != std::string::npos; }

  copy_run_options options_;
  std::vector<copy_outcome> outcomes_;
};

TEST_F(copy_removal_test, a_tag_that_the_source_has_no_longer_goes_by_its_name_and_the_others_stay) {
  only_target("old", "gone");
  source_.set_tag("a", "new", add_docker_image(source_, "a", {"new"}));
  const copy_figures f = copy();
  EXPECT_EQ(f.deleted, 1u);
  EXPECT_EQ(f.not_deleted, 0u);
  EXPECT_EQ(f.items, 7u) << "what is deleted was not copied";
  EXPECT_EQ(told("old"), "deleted");
  EXPECT_EQ(target_.count("delete_tag"), 1u);
  EXPECT_EQ(target_.count("delete_manifest"), 0u);
  EXPECT_EQ(target_.tags("a"), source_.tags("a"));
}

TEST_F(copy_removal_test, nothing_is_deleted_without_being_asked_to) {
  only_target("old", "gone");
  options_.removal.on = false;
  EXPECT_EQ(copy().deleted, 0u);
  EXPECT_TRUE(target_.tag("a", "old"));
}

TEST_F(copy_removal_test, named_images_are_no_listing_by_which_others_could_be_gone) {
  only_target("old", "gone");
  const copy_figures f = copy({{"a", {{"v0", "v0"}}}});
  EXPECT_EQ(f.deleted + f.not_deleted, 0u);
  EXPECT_EQ(deletions(), 0u);
}

TEST_F(copy_removal_test, a_listing_that_fails_at_any_page_deletes_nothing) {
  only_target("old", "gone");
  source_.does.tags_per_page = 2;
  for (std::size_t page = 1; page <= 3; ++page) {
    std::size_t pages = 0;
    source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
      if (c.verb != "list_tags" || ++pages % page != 0) return std::nullopt;
      return memory_registry::fault{{errc::denied, "no"}};
    };
    EXPECT_EQ(copy().failed, 1u);
    EXPECT_EQ(deletions(), 0u);
  }
}

TEST_F(copy_removal_test, a_source_without_the_repository_or_without_any_tag_there_deletes_nothing) {
  for (int i = 0; i < 6; ++i) source_.erase_tag("a", "v" + std::to_string(i));
  options_.removal.share_max = 1;
  const copy_figures f = copy();
  EXPECT_EQ(f.not_deleted, 6u);
  EXPECT_TRUE(is_told("", "lists no tags at all")) << told("");
  source_.erase_repository("a");
  EXPECT_EQ(copy().deleted, 0u);
  EXPECT_EQ(deletions(), 0u);
}

TEST_F(copy_removal_test, above_the_ceiling_nothing_goes_in_that_repository_and_new_tags_do_not_raise_it) {
  for (int i = 0; i < 6; ++i) only_target("old" + std::to_string(i), "gone" + std::to_string(i));
  EXPECT_EQ(copy().deleted, 6u) << "half is not above a half";
  for (int i = 0; i < 7; ++i) only_target("old" + std::to_string(i), "gone" + std::to_string(i));
  for (int i = 0; i < 9; ++i) {
    source_.set_tag("a", "new" + std::to_string(i), add_docker_image(source_, "a", {"new" + std::to_string(i)}));
  }
  target_.forget_calls();
  const copy_figures f = copy();
  EXPECT_EQ(f.copied, 9u);
  EXPECT_EQ(f.deleted, 0u);
  EXPECT_EQ(f.not_deleted, 7u);
  EXPECT_EQ(told(""), "would delete 7 of 13 tags, more than 50%; if that is right, raise --delete-max-share");
  EXPECT_EQ(deletions(), 0u);
  options_.removal.share_max = 0.9;
  EXPECT_EQ(copy().deleted, 7u);
  EXPECT_EQ(target_.tags("a"), source_.tags("a"));
}

TEST_F(copy_removal_test, a_failed_copy_keeps_everything_in_its_repository_and_only_there) {
  only_target("old", "gone");
  source_.set_tag("a", "bad", add_docker_image(source_, "a", {"lost layer"}));
  source_.erase_blob("a", digest::of("lost layer"));
  for (memory_registry* at : {&source_, &target_}) at->set_tag("b", "v1", add_docker_image(*at, "b", {"b"}));
  target_.set_tag("b", "old", add_docker_image(target_, "b", {"old b"}));
  const copy_figures f = copy({{"a", {}}, {"b", {}}});
  EXPECT_EQ(f.failed, 1u);
  EXPECT_EQ(f.deleted, 1u);
  EXPECT_EQ(f.not_deleted, 1u);
  EXPECT_TRUE(is_told("", "not all was copied"));
  EXPECT_TRUE(target_.tag("a", "old"));
  EXPECT_FALSE(target_.tag("b", "old"));
}

TEST_F(copy_removal_test, a_held_repository_keeps_everything_with_its_reason) {
  only_target("old", "gone");
  options_.removal.held = {{"a", "several SRC are copied there"}};
  EXPECT_EQ(copy().not_deleted, 1u);
  EXPECT_EQ(told(""), "several SRC are copied there");
  EXPECT_EQ(deletions(), 0u);
}

TEST_F(copy_removal_test, a_tag_that_the_source_serves_without_listing_it_stays) {
  both("hidden");
  only_target("old", "gone");
  source_.before = [this](const memory_registry::call& c) {
    if (c.verb == "list_tags") source_.erase_tag("a", "hidden");
    if (c.verb == "resolve" && c.ref == "hidden") source_.set_tag("a", "hidden", *target_.tag("a", "hidden"));
  };
  const copy_figures f = copy();
  EXPECT_EQ(f.deleted, 1u);
  EXPECT_EQ(told("hidden"), "the source did not list it, and serves it");
  EXPECT_TRUE(target_.tag("a", "hidden"));
}

TEST_F(copy_removal_test, only_tags_that_the_filter_takes_go_and_only_they_count) {
  for (const char* tag : {"old1", "old2", "other1", "other2"}) only_target(tag, tag);
  const std::string signature = "sha256-" + std::string(target_.tag("a", "old1")->hex()) + ".sig";
  only_target(signature, "signature");
  copying_.filter = std::make_shared<replication_filter>(
      *replication_filter::make({.tags_include = {"v*", "old*"}, .tags_exclude = {"old2"}}));
  options_.removal.share_max = 1.0 / 7;
  EXPECT_EQ(copy().deleted, 1u);
  EXPECT_EQ(told("old1"), "deleted");
  for (const std::string& tag : {std::string("old2"), std::string("other1"), signature}) {
    EXPECT_TRUE(target_.tag("a", tag)) << tag;
  }
}

TEST_F(copy_removal_test, by_digest_a_tag_stays_when_a_kept_tag_has_or_includes_its_manifest) {
  target_.does.deletes_tags = false;
  target_.set_tag("a", "same-as-v0", *target_.tag("a", "v0"));
  const digest child = only_target("child", "in an index");
  target_.set_tag("a", "outside", add_index(target_, "a", {child}));
  only_target("alone", "alone");
  copying_.filter = std::make_shared<replication_filter>(*replication_filter::make({.tags_exclude = {"outside"}}));
  const copy_figures f = copy();
  EXPECT_EQ(f.deleted, 1u);
  EXPECT_EQ(f.not_deleted, 2u);
  EXPECT_EQ(told("alone"), "deleted");
  EXPECT_TRUE(is_told("same-as-v0", "its tag v0 has sha256:")) << told("same-as-v0");
  EXPECT_TRUE(is_told("child", "its tag outside includes " + child.text())) << told("child");
  EXPECT_EQ(target_.tag("a", "v0"), source_.tag("a", "v0"));
  EXPECT_TRUE(target_.tag("a", "child"));
  EXPECT_EQ(target_.count("delete_tag"), 1u) << "it is asked once whether it can";
}

TEST_F(copy_removal_test, by_digest_tags_that_all_are_gone_go_together_and_an_index_before_its_children) {
  target_.does.deletes_tags = false;
  const digest child = only_target("a-child", "child");
  target_.set_tag("a", "b-twin", child);
  target_.set_tag("a", "c-index", add_index(target_, "a", {child}));
  const copy_figures f = copy();
  EXPECT_EQ(f.deleted, 3u);
  EXPECT_EQ(target_.count("delete_manifest"), 2u);
  EXPECT_EQ(target_.tags("a"), source_.tags("a"));
}

TEST_F(copy_removal_test, by_digest_nothing_goes_that_the_source_still_serves_or_the_target_refuses) {
  target_.does.deletes_tags = false;
  only_target("untagged-at-source", "untagged");
  add_docker_image(source_, "a", {"untagged"});
  EXPECT_EQ(copy().not_deleted, 1u);
  EXPECT_TRUE(is_told("untagged-at-source", "the source still serves"));
  target_.does.deletes_manifests = false;
  only_target("old", "gone");
  EXPECT_EQ(copy().not_deleted, 2u);
  EXPECT_TRUE(is_told("old", "the target refuses the deletion"));
}

TEST_F(copy_removal_test, a_plan_tells_the_same_and_on_what_it_depends_and_deletes_nothing) {
  only_target("old", "gone");
  target_.set_tag("a", "same-as-v0", *target_.tag("a", "v0"));
  options_.removal.dry_run = true;
  for (const bool is_known : {false, true}) {
    options_.removal.deletes_by_name = is_known;
    const copy_figures f = copy();
    EXPECT_EQ(f.deleted, is_known ? 2u : 1u);
    EXPECT_EQ(f.deleted_by_name, is_known ? 0u : 1u) << "not counted as what a copy would surely do";
    EXPECT_EQ(deletions(), 0u);
    for (const copy_outcome& o : outcomes_) {
      EXPECT_EQ(!o.note.empty(), !is_known && o.item.ref.target == "same-as-v0") << o.note;
    }
  }
  EXPECT_EQ(target_.tags("a").size(), 8u);
}

TEST_F(copy_removal_test, a_failure_of_any_single_operation_is_overcome_and_takes_nothing_that_stays) {
  for (const bool by_name : {true, false}) {
    target_.does.deletes_tags = by_name;
    for (std::uint64_t n = 0; n < 30; ++n) {
      for (memory_registry* at : {&source_, &target_}) {
        for (const auto when : {memory_registry::fault_at::before, memory_registry::fault_at::after}) {
          only_target("old", "gone");
          only_target("older", "gone too");
          source_.forget_calls(), target_.forget_calls();
          at->fail_operation(n, away(), when);
          EXPECT_EQ(copy().deleted, 2u) << n;
          EXPECT_EQ(target_.tags("a"), source_.tags("a")) << n;
          at->forget_faults();
        }
      }
    }
  }
}

TEST_F(copy_removal_test, a_target_that_denies_deletions_is_not_asked_for_each_tag) {
  only_target("old", "gone");
  only_target("older", "gone too");
  target_.faults = [](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "delete_tag") return std::nullopt;
    return memory_registry::fault{{errc::denied, "no right to delete"}};
  };
  EXPECT_EQ(copy().not_deleted, 2u);
  EXPECT_EQ(target_.count("delete_tag"), 1u);
  EXPECT_TRUE(is_told("", "no right to delete"));
}

}  // namespace
}  // namespace longshore::engine
