#include "tools/last_contact.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/tools/scratch_dir.h"

namespace longshore::tools {
namespace {

TEST(last_contact, is_read_as_it_was_written_last) {
  const scratch_dir dir;
  EXPECT_FALSE(read_last_contact(dir.path()));
  ASSERT_TRUE(write_last_contact(dir.path(), {{1'790'000'000'000'000}, {1'780'000'000'000'000}, 12'345'678}));
  ASSERT_TRUE(write_last_contact(dir.path(), {{1'790'000'000'000'001}, {}, 9}));
  const auto c = read_last_contact(dir.path());
  ASSERT_TRUE(c);
  EXPECT_EQ(c->answered.us, 1'790'000'000'000'001);
  EXPECT_EQ(c->caught_up.us, 0);
  EXPECT_EQ(c->size, 9u);
}

TEST(last_contact, a_refusal_is_kept_until_there_is_none_any_more) {
  const scratch_dir dir;
  ASSERT_TRUE(write_last_contact(dir.path(), {{7}, {5}, 3, "it holds a copy of log a, the primary serves log b"}));
  EXPECT_EQ(read_last_contact(dir.path())->refusal, "it holds a copy of log a, the primary serves log b");
  ASSERT_TRUE(write_last_contact(dir.path(), {{7}, {5}, 3, "short\nof it"}));
  EXPECT_EQ(read_last_contact(dir.path())->refusal, "short?of it");
  ASSERT_TRUE(write_last_contact(dir.path(), {{7}, {5}, 3, std::string(2'000, 'x')}));
  EXPECT_LE(read_last_contact(dir.path())->refusal.size(), 500u);
  EXPECT_TRUE(read_last_contact(dir.path())->refusal.ends_with("x..."));
  ASSERT_TRUE(write_last_contact(dir.path(), {{9}, {9}, 4, {}}));
  EXPECT_EQ(read_last_contact(dir.path())->refusal, "");
  EXPECT_EQ(read_last_contact(dir.path())->size, 4u);
  std::ofstream(dir.path() / "primary.contact") << "7 5 3 .\n";
  EXPECT_EQ(read_last_contact(dir.path())->refusal, "") << "of an older version";
}

TEST(last_contact, that_was_cut_off_is_none) {
  const scratch_dir dir;
  ASSERT_TRUE(write_last_contact(dir.path(), {{1'790'000'000'000'000}, {1'780'000'000'000'000}, 5}));
  std::filesystem::resize_file(dir.path() / "primary.contact", 50);
  EXPECT_FALSE(read_last_contact(dir.path()));
  std::ofstream(dir.path() / "primary.contact") << "somebody's own text .";
  EXPECT_FALSE(read_last_contact(dir.path()));
}

TEST(last_contact, is_not_written_where_there_is_no_directory) {
  EXPECT_FALSE(write_last_contact("/nowhere/at/all", {}));
  EXPECT_FALSE(read_last_contact("/nowhere/at/all"));
}

}  // namespace
}  // namespace longshore::tools
