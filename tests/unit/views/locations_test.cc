#include "engine/locations.h"

#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

using log::event_kind;

class locations_test : public view_test<locations> {
 protected:
  void record(event_kind kind, std::string repository, std::string digest, std::string tag = {}) {
    fold(said(kind, std::move(repository), std::move(tag), std::move(digest)));
  }
  bool holds(std::string repository, std::string digest) { return view_->holds(repository, digest).value(); }
};

TEST_F(locations_test, a_located_digest_is_held_there_and_nowhere_else) {
  record(event_kind::located, "a", digest_of("x"));
  EXPECT_TRUE(holds("a", digest_of("x")));
  EXPECT_FALSE(holds("b", digest_of("x")));
  EXPECT_FALSE(holds("a", digest_of("y")));
  EXPECT_EQ(view_->any_holder(digest_of("x"))->value_or(""), "a");
  EXPECT_FALSE(view_->any_holder(digest_of("y"))->has_value());
}

TEST_F(locations_test, a_lost_digest_is_no_longer_held_there) {
  record(event_kind::located, "a", digest_of("x"));
  record(event_kind::located, "b", digest_of("x"));
  record(event_kind::lost, "a", digest_of("x"));
  EXPECT_FALSE(holds("a", digest_of("x")));
  EXPECT_EQ(view_->any_holder(digest_of("x"))->value_or(""), "b");
}

TEST_F(locations_test, a_published_manifest_is_held_and_a_removed_one_is_not) {
  record(event_kind::published, "a", digest_of("m"), "v1");
  EXPECT_TRUE(holds("a", digest_of("m")));
  record(event_kind::removed, "a", "", "v1");
  EXPECT_TRUE(holds("a", digest_of("m")));
  record(event_kind::removed, "a", digest_of("m"));
  EXPECT_FALSE(holds("a", digest_of("m")));
}

TEST_F(locations_test, a_resync_forgets_one_repository) {
  record(event_kind::located, "a", digest_of("x"));
  record(event_kind::located, "a/b", digest_of("x"));
  record(event_kind::resync_asked, "a", "");
  EXPECT_FALSE(holds("a", digest_of("x")));
  EXPECT_TRUE(holds("a/b", digest_of("x")));
}

TEST_F(locations_test, all_holders_are_told_by_name) {
  record(event_kind::located, "b", digest_of("x"));
  record(event_kind::located, "a", digest_of("x"));
  record(event_kind::located, "c", digest_of("y"));
  EXPECT_EQ(*view_->holders(digest_of("x")), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(view_->holders(digest_of("z"))->empty());
}

}  // namespace
}  // namespace longshore::engine
