#include "engine/desired.h"

#include "engine/descriptor.h"
#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

using log::event_kind;

class desired_test : public view_test<desired> {
 protected:
  void push(std::string repository, std::string tag, std::string digest,
            std::string_view type = media_type::oci_manifest) {
    fold(said(event_kind::push, std::move(repository), std::move(tag), std::move(digest), std::string(type)));
  }
  void erase(std::string repository, std::string tag, std::string digest) {
    fold(said(event_kind::erased, std::move(repository), std::move(tag), std::move(digest)));
  }
  std::vector<std::string> changed(std::string repository, std::uint64_t from = 0) {
    std::vector<std::string> refs;
    EXPECT_TRUE(view_->changed(repository, {from}, [&](const desired_item& i) {
      refs.push_back((i.gone ? "-" : "+") + i.ref);
      return true;
    }));
    return refs;
  }
  std::optional<desired_item> item(std::string repository, std::string ref) {
    auto found = view_->item(repository, ref);
    EXPECT_TRUE(found);
    return *found;
  }
};

TEST_F(desired_test, a_pushed_tag_is_wanted_at_its_digest) {
  push("team/app", "v1", digest_of("a"));
  const auto found = item("team/app", "v1");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->digest, digest_of("a"));
  EXPECT_FALSE(found->gone);
  EXPECT_EQ(found->seq, event_seq{0});
  EXPECT_EQ(view_->repository("team/app")->value().items_size, 1u);
}

TEST_F(desired_test, a_tagged_manifest_is_known_but_only_its_tag_is_work) {
  push("team/app", "v1", digest_of("a"));
  EXPECT_TRUE(item("team/app", digest_of("a")));
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"+v1"});
}

TEST_F(desired_test, an_untagged_manifest_is_work_of_its_own) {
  push("team/app", "", digest_of("child"));
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"+" + digest_of("child")});
}

TEST_F(desired_test, an_untagged_manifest_stays_work_when_a_tag_names_it_later) {
  push("team/app", "", digest_of("child"));
  push("team/app", "v1", digest_of("child"));
  EXPECT_EQ(changed("team/app").size(), 2u);
}

TEST_F(desired_test, retagging_makes_one_open_change_with_the_newest_digest) {
  push("team/app", "v1", digest_of("a"));
  push("team/app", "v1", digest_of("b"));
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"+v1"});
  EXPECT_EQ(item("team/app", "v1")->digest, digest_of("b"));
  EXPECT_EQ(item("team/app", "v1")->seq, event_seq{1});
}

TEST_F(desired_test, changes_are_listed_from_a_seq_on_oldest_first) {
  push("team/app", "z", digest_of("a"));
  push("team/app", "a", digest_of("b"));
  push("team/app2", "x", digest_of("c"));
  EXPECT_EQ(changed("team/app"), (std::vector<std::string>{"+z", "+a"}));
  EXPECT_EQ(changed("team/app", 1), std::vector<std::string>{"+a"});
  EXPECT_TRUE(changed("team/app", 2).empty());
}

TEST_F(desired_test, blobs_pulls_and_mounts_are_not_items) {
  push("team/app", "", digest_of("layer"), media_type::octet_stream);
  fold(said(event_kind::pull, "team/app", "v1", digest_of("a"), std::string(media_type::oci_manifest)));
  fold(said(event_kind::mount, "team/app", "", digest_of("layer"), std::string(media_type::octet_stream)));
  EXPECT_TRUE(changed("team/app").empty());
  EXPECT_FALSE(view_->repository("team/app")->has_value());
}

TEST_F(desired_test, a_deleted_tag_stays_as_a_tombstone) {
  push("team/app", "v1", digest_of("a"));
  erase("team/app", "v1", "");
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"-v1"});
  EXPECT_TRUE(item("team/app", "v1")->gone);
}

TEST_F(desired_test, deleting_a_known_manifest_deletes_the_tags_at_it_and_no_others) {
  push("team/app", "v1", digest_of("a"));
  push("team/app", "v2", digest_of("a"));
  push("team/app", "v3", digest_of("b"));
  push("team/app", "v2", digest_of("b"));
  erase("team/app", "", digest_of("a"));
  EXPECT_TRUE(item("team/app", "v1")->gone);
  EXPECT_FALSE(item("team/app", "v2")->gone);
  EXPECT_FALSE(item("team/app", "v3")->gone);
  EXPECT_TRUE(item("team/app", digest_of("a"))->gone);
}

TEST_F(desired_test, deleting_a_digest_never_seen_as_a_manifest_changes_nothing) {
  push("team/app", "v1", digest_of("a"));
  erase("team/app", "", digest_of("layer"));
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"+v1"});
}

TEST_F(desired_test, deleting_a_repository_deletes_every_item_of_it_alone) {
  push("team/app", "v1", digest_of("a"));
  push("team/app", "", digest_of("b"));
  push("team/app/sub", "v1", digest_of("a"));
  erase("team/app", "", "");
  EXPECT_TRUE(item("team/app", "v1")->gone);
  EXPECT_TRUE(item("team/app", digest_of("b"))->gone);
  EXPECT_FALSE(item("team/app/sub", "v1")->gone);
}

TEST_F(desired_test, deleting_a_repository_deletes_a_manifest_that_no_tag_names_any_more) {
  push("team/app", "v1", digest_of("a"));
  push("team/app", "v1", digest_of("b"));
  erase("team/app", "", "");
  EXPECT_TRUE(item("team/app", digest_of("a"))->gone);
  EXPECT_TRUE(item("team/app", digest_of("b"))->gone);
}

TEST_F(desired_test, a_repository_deleted_again_loses_what_came_since) {
  push("team/app", "v1", digest_of("a"));
  push("team/app", "", digest_of("b"));
  erase("team/app", "", "");
  push("team/app", "v2", digest_of("c"));
  push("team/app", "v1", digest_of("a"));
  erase("team/app", "", "");
  for (const std::string& ref : {std::string("v1"), std::string("v2"), digest_of("a"), digest_of("c")}) {
    EXPECT_TRUE(item("team/app", ref)->gone) << ref;
    EXPECT_EQ(item("team/app", ref)->seq, event_seq{5}) << ref;
  }
  EXPECT_EQ(item("team/app", digest_of("b"))->seq, event_seq{2}) << "gone already";
}

TEST_F(desired_test, deleting_a_repository_reads_what_changed_since_it_was_last_deleted) {
  constexpr int tombstones = 300;
  for (int i = 0; i < tombstones; ++i) push("team/app", "v" + std::to_string(i), digest_of(std::to_string(i)));
  erase("team/app", "", "");
  std::uint64_t before = counted_->rows_read();
  for (int i = 0; i < tombstones; ++i) erase("team/app", "", "");
  EXPECT_LE(counted_->rows_read() - before, tombstones) << "nothing is left: a row each";

  push("team/app", "again", digest_of("again"));
  before = counted_->rows_read();
  erase("team/app", "", "");
  EXPECT_LE(counted_->rows_read() - before, 10u) << "a tag and its manifest";
  EXPECT_TRUE(item("team/app", "again")->gone);
}

TEST_F(desired_test, deleting_a_manifest_again_reads_no_tags) {
  constexpr int tags = 100;
  for (int i = 0; i < tags; ++i) push("team/app", "v" + std::to_string(i), digest_of("a"));
  erase("team/app", "", digest_of("a"));
  EXPECT_TRUE(item("team/app", "v7")->gone);
  const std::uint64_t before = counted_->rows_read();
  for (int i = 0; i < tags; ++i) erase("team/app", "", digest_of("a"));
  EXPECT_LE(counted_->rows_read() - before, 2u * tags) << "the manifest and its repository";
  push("team/app", "v7", digest_of("a"));
  erase("team/app", "", digest_of("a"));
  EXPECT_TRUE(item("team/app", "v7")->gone);
}

TEST_F(desired_test, a_tag_pushed_again_after_its_deletion_is_wanted) {
  push("team/app", "v1", digest_of("a"));
  erase("team/app", "v1", "");
  push("team/app", "v1", digest_of("a"));
  EXPECT_EQ(changed("team/app"), std::vector<std::string>{"+v1"});
}

TEST_F(desired_test, an_observation_counts_as_a_push_or_a_deletion) {
  fold(said(event_kind::observed, "team/app", "v1", digest_of("a")));
  EXPECT_EQ(item("team/app", "v1")->digest, digest_of("a"));
  fold(said(event_kind::observed, "team/app", "v1", ""));
  EXPECT_TRUE(item("team/app", "v1")->gone);
}

TEST_F(desired_test, names_that_no_registry_could_serve_are_passed_over) {
  push("../../etc/passwd", "v1", digest_of("a"));
  push(std::string("team\0app", 8), "v1", digest_of("a"));
  push("team/app", std::string("v\0001", 3), digest_of("a"));
  push("team/app", "v1", std::string("sha256:\0", 8));
  std::size_t repositories = 0;
  ASSERT_TRUE(view_->repositories([&](const desired_repository&) { return ++repositories, true; }));
  EXPECT_EQ(repositories, 0u);
}

}  // namespace
}  // namespace longshore::engine
