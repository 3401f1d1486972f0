#include "engine/semver.h"

#include <gtest/gtest.h>

#include "storage/env/random.h"

namespace longshore::engine {
namespace {

semver version(std::string_view text) {
  const auto v = parse_version(text);
  EXPECT_TRUE(v) << text;
  return v.value_or(semver{});
}

bool in(std::string_view range, std::string_view v) {
  const auto r = version_range::parse(range);
  EXPECT_TRUE(r) << range;
  return r && r->contains(version(v));
}

TEST(semver_test, precedence_is_that_of_the_specifications_examples) {
  const std::vector<const char*> ascending{"1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta",
                                           "1.0.0-beta",  "1.0.0-beta.2",  "1.0.0-beta.11",
                                           "1.0.0-rc.1",  "1.0.0",         "2.0.0",
                                           "2.1.0",       "2.1.1"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      EXPECT_EQ(version(ascending[i]) <=> version(ascending[j]), std::weak_ordering(i <=> j))
          << ascending[i] << " and " << ascending[j];
    }
  }
}

TEST(semver_test, tags_are_read_leniently) {
  EXPECT_EQ(version("v1.2.3"), version("1.2.3"));
  EXPECT_EQ(version("1.2"), version("1.2.0"));
  EXPECT_EQ(version("v1"), version("1.0.0"));
  EXPECT_EQ(version("1.2.3+build.5"), version("1.2.3"));
  EXPECT_EQ(version("1.2.3_build.5"), version("1.2.3"));
  EXPECT_EQ(version("1.22-alpine3.18").prerelease, (std::vector<std::string>{"alpine3", "18"}));
  EXPECT_EQ(version("1.0.0-x-y-z.--").prerelease, (std::vector<std::string>{"x-y-z", "--"}));
  EXPECT_TRUE(version("1.0.0-99999999999999999999999") > version("1.0.0-9999999999999999999999"));
}

TEST(semver_test, what_is_no_version_is_none) {
  for (const char* text :
       {"", "v", "latest", "1.2.3.4", "1..2", "1.2.", ".1", "1.x", "*", "1.2.3-", "1.2.3-a..b", "1.2.3+", "1.2.3-é",
        "-1", "99999999999999999999", "18446744073709551615.0.0", "1. 2", "sha256-abc"}) {
    EXPECT_FALSE(parse_version(text)) << text;
  }
}

struct range_case {
  const char* range;
  std::vector<const char*> inside, outside;
};

TEST(semver_test, ranges_take_what_they_say) {
  const std::vector<range_case> cases{
      {">=1.2 <2", {"1.2", "1.2.0", "1.99.99"}, {"1.1.9", "2.0.0", "2.0.0-rc1", "1.3.0-rc1"}},
      {">= 1.2, < 2", {"1.2.0"}, {"2.0.0"}},
      {"^1.2", {"1.2.0", "1.9.0"}, {"1.1.0", "2.0.0", "2.0.0-alpha", "1.3.0-alpha"}},
      {"^1.2.3-rc.2", {"1.2.3-rc.2", "1.2.3-rc.3", "1.2.3", "1.9.0"}, {"1.2.3-rc.1", "1.2.4-rc.3", "2.0.0"}},
      {"^0.2.3", {"0.2.3", "0.2.9"}, {"0.3.0", "0.2.2"}},
      {"^0.0.3", {"0.0.3"}, {"0.0.4", "0.1.0"}},
      {"^0", {"0.0.0", "0.9.0"}, {"1.0.0"}},
      {"^0.0", {"0.0.9"}, {"0.1.0"}},
      {"~1.4", {"1.4.0", "1.4.9"}, {"1.5.0", "1.3.9", "1.5.0-rc1"}},
      {"~1.4.2", {"1.4.2", "1.4.9"}, {"1.4.1", "1.5.0"}},
      {"~1", {"1.0.0", "1.9.0"}, {"2.0.0"}},
      {"1.x", {"1.0.0", "1.9.3"}, {"2.0.0", "0.9.0"}},
      {"1.2.*", {"1.2.0", "1.2.9"}, {"1.3.0"}},
      {"1.2", {"1.2.0", "1.2.9"}, {"1.3.0"}},
      {"*", {"0.0.0", "9.9.9"}, {"1.0.0-rc1"}},
      {"=1.2.3", {"1.2.3", "v1.2.3"}, {"1.2.4", "1.2.3-rc1"}},
      {"1.2.3-rc1", {"1.2.3-rc1"}, {"1.2.3"}},
      {">1.2", {"1.3.0", "2.0.0"}, {"1.2.0", "1.2.9"}},
      {">1.2.3", {"1.2.4"}, {"1.2.3"}},
      {"<=1.2", {"1.2.9", "0.1.0"}, {"1.3.0"}},
      {"<=1.2.3", {"1.2.3"}, {"1.2.4"}},
      {"<1.2", {"1.1.9"}, {"1.2.0", "1.2.0-rc1"}},
      {"1.2 - 2.3", {"1.2.0", "2.3.9"}, {"1.1.9", "2.4.0"}},
      {"1.2.3 - 2.3.4", {"1.2.3", "2.3.4"}, {"2.3.5"}},
      {"^1.2 || ~3.1 || 5.0.0", {"1.5.0", "3.1.4", "5.0.0"}, {"2.0.0", "3.2.0", "5.0.1"}},
      {">=1.3.0-rc1", {"1.3.0-rc1", "1.3.0-rc2", "1.3.0"}, {"1.4.0-rc1"}},
  };
  for (const range_case& c : cases) {
    for (const char* v : c.inside) EXPECT_TRUE(in(c.range, v)) << c.range << " takes " << v;
    for (const char* v : c.outside) EXPECT_FALSE(in(c.range, v)) << c.range << " leaves out " << v;
  }
}

TEST(semver_test, a_range_that_is_none_is_refused_and_named) {
  for (const char* text : {"", "  ", "||", "^1 ||", ">=", "abc", "^", "1.2.3.4", ">=1.2 <y", "!1", "=>1", "><1",
                           "1.x.3", "a - 2", "1 - b", "^1.2 foo"}) {
    EXPECT_FALSE(version_range::parse(text)) << text;
  }
  EXPECT_NE(version_range::parse(">=1.2 <y").error().text.find("\"<y\""), std::string::npos);
}

TEST(semver_test, any_text_is_read_without_harm_and_order_is_consistent) {
  seeded_random random(20261125);
  const std::string_view alphabet = "0123456789..--vxX*<>=^~|| _+abrc,\xff";
  std::vector<semver> seen;
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::uint64_t n = random.below(14); n > 0; --n) text += alphabet[random.below(alphabet.size())];
    const auto range = version_range::parse(text);
    if (const auto v = parse_version(text); v && seen.size() < 60) seen.push_back(*v);
    for (const semver& v : seen) {
      if (range) static_cast<void>(range->contains(v));
    }
  }
  ASSERT_EQ(seen.size(), 60u);
  for (const semver& a : seen) {
    for (const semver& b : seen) {
      EXPECT_EQ((a <=> b) < 0, (b <=> a) > 0);
      for (const semver& c : seen) EXPECT_FALSE((a <=> b) < 0 && (b <=> c) < 0 && !((a <=> c) < 0));
    }
  }
}

}  // namespace
}  // namespace longshore::engine
