#include "api/local/layout_reach.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "storage/env/random.h"

namespace longshore::api {
namespace {

class layout_reach_test : public ::testing::Test {
 protected:
  static engine::descriptor of(const std::string& name) { return {"type", digest::of(name), name.size()}; }
  void make(const std::string& name, const std::vector<std::string>& children, const std::string& subject = {}) {
    manifest_facts f{of(name), std::nullopt, {}};
    if (!subject.empty()) f.subject = digest::of(subject);
    for (const std::string& c : children) f.children.push_back(of(c));
    there_.insert_or_assign(digest::of(name), std::move(f));
  }
  void hold(const std::string& name) { reach_.hold(of(name), look_); }
  void release(const std::string& name) { reach_.release(digest::of(name)); }
  bool contains(const std::string& name) const { return reach_.contains(digest::of(name)); }
  std::size_t referrers(const std::string& name) const { return reach_.referrers(digest::of(name)).size(); }

  std::map<digest, manifest_facts> there_;
  int looks_ = 0;
  layout_reach::look look_ = [this](const engine::descriptor& d) -> result<const manifest_facts*> {
    ++looks_;
    const auto at = there_.find(d.digest);
    if (at == there_.end()) return fail(errc::not_found, "not there");
    return &at->second;
  };
  layout_reach reach_;
};

TEST_F(layout_reach_test, what_is_held_twice_stays_when_it_is_let_go_of_once) {
  make("a", {});
  make("x", {"a"}, "subject");
  make("y", {"a", "x"});
  hold("x");
  hold("y");
  EXPECT_EQ(referrers("subject"), 1u);
  release("x");
  EXPECT_TRUE(contains("x") && contains("a")) << "by y";
  EXPECT_EQ(referrers("subject"), 1u);
  release("y");
  EXPECT_FALSE(contains("x") || contains("y") || contains("a"));
  EXPECT_EQ(referrers("subject"), 0u);
}

TEST_F(layout_reach_test, what_comes_later_leads_on_from_then) {
  make("child", {}, "subject");
  make("root", {"middle"});
  hold("root");
  EXPECT_FALSE(contains("middle") || contains("child"));
  make("middle", {"child"});
  reach_.arrived(of("middle"), look_);
  reach_.arrived(of("middle"), look_);
  EXPECT_TRUE(contains("middle") && contains("child"));
  release("root");
  EXPECT_FALSE(contains("middle") || contains("child"));
}

TEST_F(layout_reach_test, what_nobody_holds_does_not_arrive) {
  make("a", {});
  reach_.arrived(of("a"), look_);
  EXPECT_FALSE(contains("a"));
}

TEST_F(layout_reach_test, a_manifest_is_looked_into_when_it_is_first_held) {
  constexpr int count = 1'000;
  for (int i = 0; i < count; ++i)
    make(std::to_string(i), i == 0 ? std::vector<std::string>() : std::vector{std::to_string(i - 1)});
  for (int i = 0; i < count; ++i) hold(std::to_string(i));
  EXPECT_EQ(looks_, count);
  for (int i = 1; i < count; ++i) release(std::to_string(count - i));
  EXPECT_EQ(looks_, count);
  EXPECT_TRUE(contains("0") && !contains("1"));
}

TEST_F(layout_reach_test, damage_is_told_and_what_is_beside_it_is_found) {
  make("root", {"sound", "damaged"});
  make("sound", {});
  const layout_reach::look damaged = [this](const engine::descriptor& d) -> result<const manifest_facts*> {
    if (d.digest == digest::of("damaged")) return fail(errc::corrupt, "damaged");
    return look_(d);
  };
  reach_.hold(of("root"), damaged);
  ASSERT_TRUE(reach_.damage());
  EXPECT_EQ(reach_.damage()->code, errc::corrupt);
  EXPECT_TRUE(contains("sound") && !contains("damaged"));
}

TEST_F(layout_reach_test, after_any_changes_it_is_what_it_would_be_anew) {
  seeded_random random(11);
  constexpr std::uint64_t count = 12;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::vector<std::string> children;
    for (std::uint64_t k = random.below(4); k > 0 && i > 0; --k) children.push_back(std::to_string(random.below(i)));
    make(std::to_string(i), children, random.below(2) == 0 ? "subject" : "");
  }
  std::multiset<std::string> held;
  for (int step = 0; step < 2'000; ++step) {
    const std::string name = std::to_string(random.below(count));
    if (const auto at = held.find(name); at != held.end() && random.below(2) == 0) {
      held.erase(at);
      release(name);
    } else if (held.size() < 20) {
      held.insert(name);
      hold(name);
    }
    layout_reach anew;
    for (const std::string& h : held) anew.hold(of(h), look_);
    for (std::uint64_t i = 0; i < count; ++i) {
      ASSERT_EQ(contains(std::to_string(i)), anew.contains(digest::of(std::to_string(i)))) << step;
    }
    ASSERT_EQ(referrers("subject"), anew.referrers(digest::of("subject")).size()) << step;
  }
}

}  // namespace
}  // namespace longshore::api
