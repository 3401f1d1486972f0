#include "engine/closure.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "storage/env/random.h"
#include "tests/support/memory/images.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

class closure_test : public ::testing::Test {
 protected:
  result<closure> walked(const digest& root, closure_limits limits = {},
                         closure::subjects s = closure::subjects::follow, entry_choice chosen = {}) {
    auto c = closure::of(*from_.manifest_at(repo, root.text()), s, limits, std::move(chosen));
    while (c) {
      const auto wanted = c->take_wanted();
      if (wanted.empty()) break;
      for (const digest& d : wanted) {
        EXPECT_TRUE(asked_.insert(d.text()).second) << "asked twice for " << d.text();
        const auto* m = from_.manifest_at(repo, d.text());
        if (held_.contains(d.text())) {
          c->held(d);
        } else if (m == nullptr) {
          c->absent(d);
        } else if (auto r = c->supply(*m); !r) {
          return pass(std::move(r));
        }
      }
    }
    return c;
  }
  static std::vector<std::string> names(const closure_plan& plan) {
    std::vector<std::string> out;
    for (const auto* m : plan.manifests) out.push_back(m->digest.text());
    return out;
  }
  static entry_choice all_but(std::set<digest> left_out) {
    return [left_out = std::move(left_out)](const manifest&, const manifest_reference& r) {
      return !left_out.contains(r.target.digest);
    };
  }
  // Indexes of which each refers to the one before, and one of all of them; the first has a child of its own.
  digest add_ladder(std::size_t rungs, const digest& child) {
    std::vector<digest> all;
    for (std::size_t i = 0; i < rungs; ++i) all.push_back(add_index(from_, repo, {all.empty() ? child : all.back()}));
    return add_index(from_, repo, all);
  }
  memory_registry from_{"source"};
  std::set<std::string> asked_, held_;
};

TEST_F(closure_test, children_come_before_parents_and_shared_ones_once) {
  const auto a = add_oci_image(from_, repo, {"base", "a"});
  const auto b = add_oci_image(from_, repo, {"base", "b"});
  const auto inner = add_index(from_, repo, {a, b});
  const auto root = add_index(from_, repo, {inner, a});
  const auto c = walked(root);
  ASSERT_TRUE(c);
  EXPECT_EQ(names(c->plan()), (std::vector{a.text(), b.text(), inner.text(), root.text()}));
  EXPECT_EQ(c->plan().blobs.size(), 5u);
}

TEST_F(closure_test, blobs_come_largest_first) {
  const auto c = walked(add_oci_image(from_, repo, {"x", std::string(5'000, 'l'), "mid of it"}));
  const auto plan = c->plan();
  EXPECT_EQ(plan.blobs.front().target.size, 5'000u);
  EXPECT_TRUE(std::ranges::is_sorted(plan.blobs, std::ranges::greater(),
                                     [](const manifest_reference& r) { return r.target.size; }));
}

TEST_F(closure_test, a_subject_comes_before_what_refers_to_it_when_it_is_wanted) {
  const auto subject = add_oci_image(from_, repo, {"image"});
  const auto signature =
      add_oci_image(from_, repo, {"signature"},
                    ",\"subject\":" + descriptor_json(media_type::oci_manifest, subject,
                                                      from_.manifest_at(repo, subject.text())->bytes.size()));
  const auto with = walked(signature);
  EXPECT_EQ(names(with->plan()), (std::vector{subject.text(), signature.text()}));
  asked_.clear();
  const auto without = walked(signature, {}, closure::subjects::leave);
  EXPECT_EQ(names(without->plan()), (std::vector{signature.text()}));
}

TEST_F(closure_test, what_the_target_holds_is_neither_fetched_nor_walked) {
  const auto a = add_oci_image(from_, repo, {"a"});
  const auto b = add_oci_image(from_, repo, {"b"});
  const auto root = add_index(from_, repo, {a, b});
  held_.insert(a.text());
  const auto c = walked(root);
  ASSERT_TRUE(c);
  const auto plan = c->plan();
  EXPECT_EQ(names(plan), (std::vector{b.text(), root.text()}));
  EXPECT_EQ(plan.blobs.size(), 2u);
}

TEST_F(closure_test, an_entry_of_unknown_type_is_a_manifest_if_there_is_one_and_else_a_blob) {
  const auto image = add_oci_image(from_, repo, {"a"});
  const auto loose = from_.add_blob(repo, "loose");
  const auto root = from_.add_manifest(repo, std::string(media_type::oci_index),
                                       "{\"manifests\":[" + descriptor_json("application/vnd.example", image, 1) + "," +
                                           descriptor_json("application/vnd.example", loose, 5) + "]}");
  const auto c = walked(root);
  ASSERT_TRUE(c);
  const auto plan = c->plan();
  EXPECT_EQ(names(plan), (std::vector{image.text(), root.text()}));
  ASSERT_EQ(plan.blobs.size(), 3u);
  EXPECT_TRUE(std::ranges::any_of(plan.blobs, [&](const auto& b) { return b.target.digest == loose; }));
  EXPECT_TRUE(plan.absent.empty());
}

TEST_F(closure_test, children_the_source_lacks_are_named) {
  const auto a = add_oci_image(from_, repo, {"a"});
  const auto b = add_oci_image(from_, repo, {"b"});
  const auto root = add_index(from_, repo, {a, b});
  from_.erase_manifest(repo, b);
  const auto c = walked(root);
  ASSERT_TRUE(c);
  const auto plan = c->plan();
  EXPECT_EQ(plan.absent, (std::vector{b}));
  EXPECT_EQ(names(plan), (std::vector{a.text(), root.text()}));
}

TEST_F(closure_test, depth_documents_and_blobs_are_limited) {
  auto d = add_oci_image(from_, repo, {"a", "b", "c"});
  for (int i = 0; i < 6; ++i) d = add_index(from_, repo, {d});
  const auto refused = [&](closure_limits limits) {
    asked_.clear();
    const auto c = walked(d, limits);
    return !c && c.error().code == errc::too_large;
  };
  EXPECT_TRUE(refused({.depth_max = 3}));
  EXPECT_TRUE(refused({.documents_max = 3}));
  EXPECT_TRUE(refused({.document_bytes_max = 100}));
  EXPECT_TRUE(refused({.blobs_max = 2}));
  EXPECT_FALSE(refused({}));
}

TEST_F(closure_test, a_document_that_cannot_be_understood_fails_the_walk) {
  const auto broken = from_.add_manifest(repo, std::string(media_type::oci_manifest), "{\"layers\":7}");
  const auto c = walked(add_index(from_, repo, {broken}));
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::invalid);
}

TEST_F(closure_test, what_lacks_an_entry_by_choice_is_sparse_and_so_is_what_is_above_it) {
  const auto a = add_oci_image(from_, repo, {"a"});
  const auto b = add_oci_image(from_, repo, {"b"});
  const auto lacking = add_index(from_, repo, {a, b});
  const auto whole = add_index(from_, repo, {a});
  const auto above = add_index(from_, repo, {whole, lacking});
  const auto root = add_index(from_, repo, {above, whole});
  const auto c = walked(root, {}, closure::subjects::follow, all_but({b}));
  const auto plan = c->plan();
  EXPECT_EQ(plan.sparse, (std::set{lacking, above, root}));
  EXPECT_EQ(names(plan), (std::vector{a.text(), whole.text(), lacking.text(), above.text(), root.text()}));
  asked_.clear();
  EXPECT_TRUE(walked(root)->plan().sparse.empty());
}

TEST_F(closure_test, what_one_index_leaves_out_another_may_bring_in) {
  const auto a = add_oci_image(from_, repo, {"a"});
  const auto lacking = add_index(from_, repo, {a});
  const auto root = add_index(from_, repo, {lacking, a});
  const auto c = walked(root, {}, closure::subjects::follow, [&](const manifest& index, const manifest_reference& r) {
    return r.target.digest != a || index.references.size() > 1;
  });
  EXPECT_EQ(names(c->plan()), (std::vector{a.text(), lacking.text(), root.text()}));
}

TEST_F(closure_test, planning_follows_each_reference_once) {
  const auto image = add_oci_image(from_, repo, {"a"});
  const auto other = add_oci_image(from_, repo, {"b"});
  constexpr std::size_t rungs = 500;
  const auto root = add_ladder(rungs, add_index(from_, repo, {image, other}));
  const auto c = walked(root, {}, closure::subjects::follow, all_but({other}));
  const auto plan = c->plan();
  EXPECT_EQ(plan.manifests.size(), rungs + 3);
  EXPECT_EQ(plan.sparse.size(), rungs + 2) << "all but the image";
  EXPECT_EQ(plan.steps, 1 + rungs + rungs + 2) << "the root, its entries, one of each rung, two of the last";
}

TEST_F(closure_test, a_chain_of_any_length_is_planned) {
  constexpr std::size_t rungs = 100'000;  // too many for a stack of calls
  auto root = add_oci_image(from_, repo, {"a"});
  for (std::size_t i = 0; i < rungs; ++i) root = add_index(from_, repo, {root});
  const auto c = walked(root, {.depth_max = rungs, .documents_max = rungs + 1, .document_bytes_max = 1u << 30});
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->plan().manifests.size(), rungs + 1);
}

TEST_F(closure_test, in_any_graph_everything_referred_to_is_planned_before_it_is_referred_to) {
  seeded_random random(3);
  for (int round = 0; round < 200; ++round) {
    asked_.clear();
    std::vector<digest> all;
    for (std::uint64_t n = 2 + random.below(12); n > 0; --n) {
      std::vector<digest> children;
      for (std::uint64_t k = random.below(4); k > 0 && !all.empty(); --k) {
        children.push_back(all[random.below(all.size())]);
      }
      all.push_back(children.empty() ? add_oci_image(from_, repo, {"layer" + std::to_string(random.below(5))})
                                     : add_index(from_, repo, children));
    }
    const auto c = walked(all.back());
    ASSERT_TRUE(c) << c.error().text;
    const auto plan = c->plan();
    std::set<std::string> ready;
    for (const auto& b : plan.blobs) ready.insert(b.target.digest.text());
    for (const auto* m : plan.manifests) {
      for (const auto& r : parse_manifest(m->media_type, m->bytes)->references) {
        EXPECT_TRUE(ready.contains(r.target.digest.text()));
      }
      EXPECT_TRUE(ready.insert(m->digest.text()).second);
    }
    EXPECT_EQ(plan.manifests.back()->digest, all.back());
  }
}

}  // namespace
}  // namespace longshore::engine
