#include "engine/reference.h"

#include <gtest/gtest.h>

#include <string>

namespace longshore::engine {
namespace {

TEST(reference_test, names_of_the_grammar_pass) {
  for (const char* name : {"a", "a/b", "team/app", "a.b_c-d", "a__b", "a---b", "0/1/2"}) {
    EXPECT_TRUE(is_repository_name(name)) << name;
  }
  EXPECT_TRUE(is_repository_name(std::string(255, 'a')));
}

TEST(reference_test, names_outside_the_grammar_do_not) {
  for (const char* name :
       {"", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "-a", "a-", "a._b", "..", "a/../b", "a b", "a%2fb", "a\n"}) {
    EXPECT_FALSE(is_repository_name(name)) << name;
  }
  EXPECT_FALSE(is_repository_name(std::string(256, 'a')));
}

TEST(reference_test, tags_follow_the_grammar) {
  for (const char* tag : {"v1", "latest", "_x", "1.2.3-rc.1_2", "A"}) EXPECT_TRUE(is_tag(tag)) << tag;
  for (const char* tag : {"", "-a", ".a", "a/b", "a:b", "a b"}) EXPECT_FALSE(is_tag(tag)) << tag;
  EXPECT_TRUE(is_tag(std::string(128, 'a')));
  EXPECT_FALSE(is_tag(std::string(129, 'a')));
}

}  // namespace
}  // namespace longshore::engine
