#include "log/layout.h"

#include <gtest/gtest.h>

#include <set>

namespace longshore::log {
namespace {

TEST(layout, dedup_keys_of_different_events_differ) {
  const std::string nul(1, '\0');
  const std::string longer(300, 'x');
  const std::vector<std::pair<std::string, std::string>> ids = {{"a", "b"},
                                                                {"ab", ""},
                                                                {"", "ab"},
                                                                {"", "a" + nul + "b"},
                                                                {"a", "b" + nul},
                                                                {"a" + nul, "b"},
                                                                {"a" + nul + "b", "c"},
                                                                {"a", "b" + nul + "c"},
                                                                {"a", longer},
                                                                {"a", longer + "x"},
                                                                {longer, "a"},
                                                                {longer + "a", ""}};
  std::set<std::string> keys;
  for (const auto& [origin, id] : ids) {
    const std::string key = dedup_key(origin, id);
    EXPECT_LE(key.size(), dedup_key_bytes_max);
    keys.insert(key);
  }
  EXPECT_EQ(keys.size(), ids.size());
}

TEST(layout, a_plain_dedup_key_is_readable) {
  EXPECT_EQ(dedup_key("gitlab", "42"), std::string("gitlab\0"
                                                   "42",
                                                   9));
}

TEST(layout, keys_sort_as_what_they_stand_for) {
  EXPECT_LT(time_key({1}, {9}), time_key({2}, {0}));
  EXPECT_LT(time_key({2}, {255}), time_key({2}, {256}));
  EXPECT_LT(merkle_key(0, ~0ull), merkle_key(1, 0));
  EXPECT_LT(merkle_key(3, 255), merkle_key(3, 256));
}

TEST(layout, the_first_format_of_a_view_is_not_written) {
  EXPECT_EQ(to_value(folded{7, 1}), to_key(7));
  EXPECT_EQ(to_folded(to_key(7))->format, 1u);
  EXPECT_EQ(to_folded(to_value(folded{7, 2}))->size, 7u);
  EXPECT_EQ(to_folded(to_value(folded{7, 2}))->format, 2u);
}

TEST(layout, values_of_another_size_are_not_read) {
  const tail t{7, sha256("x")};
  EXPECT_EQ(to_tail(to_value(t))->size, 7u);
  EXPECT_EQ(to_tail(to_value(t))->root, t.root);
  EXPECT_FALSE(to_tail(to_value(t) + "x"));
  EXPECT_FALSE(to_tail({}));
  for (const std::size_t size : {0u, 7u, 9u, 15u, 17u}) EXPECT_FALSE(to_folded(std::string(size, 'x')));
  EXPECT_FALSE(to_number("1234567"));
  EXPECT_FALSE(to_number("123456789"));
  EXPECT_FALSE(to_hash("short"));
}

}  // namespace
}  // namespace longshore::log
