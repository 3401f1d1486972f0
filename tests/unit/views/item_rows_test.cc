#include "engine/item_rows.h"

#include <gtest/gtest.h>

namespace longshore::engine::item_rows {
namespace {

TEST(item_rows, a_key_tells_its_item) {
  for (const bool is_tag : {true, false}) {
    const std::string key = item_key("team/app", is_tag, "v1");
    const auto read = read_item_key(key);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->repository, "team/app");
    EXPECT_EQ(read->is_tag, is_tag);
    EXPECT_EQ(read->ref, "v1");
  }
}

TEST(item_rows, tags_sort_before_manifests_within_their_repository_alone) {
  EXPECT_LT(item_key("app", true, "z"), item_key("app", false, "a"));
  EXPECT_LT(item_key("app", false, "z"), item_key("app/sub", true, "a"));
  EXPECT_TRUE(item_key("app", true, "v1").starts_with(in_repository("app")));
  EXPECT_FALSE(item_key("app/sub", true, "v1").starts_with(in_repository("app")));
}

TEST(item_rows, other_keys_are_not_of_items) {
  EXPECT_FALSE(read_item_key(""));
  EXPECT_FALSE(read_item_key("app"));
  EXPECT_FALSE(read_item_key(in_repository("app")));
}

TEST(item_rows, the_stored_form_stays) {
  EXPECT_EQ(item_key("a", true, "v1"), std::string("a\0001v1", 5));
  EXPECT_EQ(item_key("a", false, "d"), std::string("a\0002d", 4));
  EXPECT_EQ(tag_key("a", "d", "v1"), std::string("a\0d\0v1", 6));
}

}  // namespace
}  // namespace longshore::engine::item_rows
