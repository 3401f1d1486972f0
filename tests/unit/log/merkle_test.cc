#include "log/merkle.h"

#include <gtest/gtest.h>

#include <bit>
#include <map>

namespace longshore::log {
namespace {

// The tree of RFC 6962 by its definition, over leaves kept whole: what the incremental one must equal.
hash256 defined_root(std::span<const hash256> leaves) {
  if (leaves.empty()) return sha256({});
  if (leaves.size() == 1) return leaves.front();
  const std::size_t k = std::bit_floor(leaves.size() - 1);
  return node_hash(defined_root(leaves.first(k)), defined_root(leaves.subspan(k)));
}

struct tree {
  std::vector<hash256> leaves;
  std::map<std::pair<std::uint8_t, std::uint64_t>, hash256> stored;
  std::vector<hash256> roots{sha256({})};  // by size
  frontier edge;

  void add(std::string_view record) {
    leaves.push_back(leaf_hash(record));
    edge.append(leaves.back(), [this](std::uint8_t level, std::uint64_t index, const hash256& hash) {
      EXPECT_TRUE(stored.emplace(std::pair(level, index), hash).second);
    });
    roots.push_back(edge.root());
  }
  subtree_reader reader() const {
    return [this](std::uint8_t level, std::uint64_t index) -> result<hash256> {
      const auto found = stored.find({level, index});
      if (found == stored.end()) return fail(errc::not_found, "no such subtree");
      return found->second;
    };
  }
};

tree tree_of(int size) {
  tree t;
  for (int i = 0; i < size; ++i) t.add("record " + std::to_string(i));
  return t;
}

// The leaves and roots that RFC 6962's implementations share as known answers.
TEST(merkle, known_answers) {
  const std::vector<std::string> leaves = {"",
                                           std::string(1, '\0'),
                                           "\x10",
                                           "\x20\x21",
                                           "\x30\x31",
                                           "\x40\x41\x42\x43",
                                           "\x50\x51\x52\x53\x54\x55\x56\x57",
                                           "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const std::map<std::size_t, std::pair<std::string, std::string>> roots = {{0, {"e3b0c442", "b855"}},
                                                                            {1, {"6e340b9c", "a01d"}},
                                                                            {2, {"fac54203", "c125"}},
                                                                            {3, {"aeb6bcfe", "6e77"}},
                                                                            {8, {"5dc9da79", "4328"}}};
  tree t;
  for (const std::string& leaf : leaves) t.add(leaf);
  for (const auto& [size, ends] : roots) {
    const std::string root = to_hex(t.roots[size]);
    EXPECT_TRUE(root.starts_with(ends.first) && root.ends_with(ends.second)) << size << ": " << root;
  }
  EXPECT_EQ(to_hex(t.roots[0]), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(merkle, the_growing_tree_has_the_root_of_the_definition_at_every_size) {
  const tree t = tree_of(140);
  for (std::size_t n = 0; n <= t.leaves.size(); ++n) {
    ASSERT_EQ(t.roots[n], defined_root(std::span(t.leaves).first(n))) << n;
    ASSERT_EQ(root_at(n, t.reader()).value(), t.roots[n]) << n;
  }
}

TEST(merkle, a_frontier_read_from_storage_goes_on_as_if_it_had_never_stopped) {
  for (int n = 0; n < 40; ++n) {
    tree t = tree_of(n);
    frontier again = frontier_at(static_cast<std::uint64_t>(n), t.reader()).value();
    for (int i = 0; i < 9; ++i) {
      again.append(leaf_hash("more"));
      t.add("more");
      ASSERT_EQ(again.root(), t.edge.root());
    }
  }
}

TEST(merkle, a_subtree_that_cannot_be_read_fails_the_root) {
  tree t = tree_of(7);
  t.stored.erase({1, 2});
  EXPECT_EQ(root_at(7, t.reader()).error().code, errc::not_found);
  EXPECT_FALSE(inclusion_proof(0, 7, t.reader()));
  EXPECT_FALSE(consistency_proof(4, 7, t.reader()));
}

// Every way to bend a proof that a forger could try must be refused.
template <class F>
void expect_no_mutation_verifies(const std::vector<hash256>& proof, F&& verifies) {
  for (std::size_t i = 0; i < proof.size(); ++i) {
    std::vector<hash256> bent = proof;
    bent[i][i % 32] ^= 1;
    EXPECT_FALSE(verifies(bent)) << "flipped " << i;
    bent = proof;
    bent.erase(bent.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(verifies(bent)) << "dropped " << i;
    if (i > 0 && proof[i] != proof[i - 1]) {
      bent = proof;
      std::swap(bent[i], bent[i - 1]);
      EXPECT_FALSE(verifies(bent)) << "swapped " << i;
    }
  }
  std::vector<hash256> longer = proof;
  longer.push_back(sha256("more"));
  EXPECT_FALSE(verifies(longer));
  longer = proof;
  longer.insert(longer.begin(), sha256("more"));
  EXPECT_FALSE(verifies(longer));
}

TEST(merkle, every_record_is_provably_in_every_tree_that_holds_it) {
  const tree t = tree_of(36);
  for (std::uint64_t n = 1; n <= 36; ++n) {
    for (std::uint64_t i = 0; i < n; ++i) {
      SCOPED_TRACE(std::to_string(i) + " of " + std::to_string(n));
      const auto proof = inclusion_proof(i, n, t.reader());
      ASSERT_TRUE(proof);
      const auto verifies = [&](const std::vector<hash256>& p) {
        return verify_inclusion(i, n, t.leaves[i], t.roots[n], p);
      };
      ASSERT_TRUE(verifies(*proof));
      expect_no_mutation_verifies(*proof, verifies);
      EXPECT_FALSE(verify_inclusion(i, n, leaf_hash("another"), t.roots[n], *proof));
      EXPECT_FALSE(verify_inclusion(i, n, t.leaves[i], sha256("another"), *proof));
      EXPECT_FALSE(verify_inclusion(n, n, t.leaves[i], t.roots[n], *proof));
      if (n > 1) EXPECT_FALSE(verify_inclusion(i ^ 1, n, t.leaves[i], t.roots[n], *proof));
    }
  }
}

TEST(merkle, every_tree_is_provably_the_beginning_of_every_longer_one) {
  const tree t = tree_of(36);
  for (std::uint64_t n = 0; n <= 36; ++n) {
    for (std::uint64_t m = 0; m <= n; ++m) {
      SCOPED_TRACE(std::to_string(m) + " to " + std::to_string(n));
      const auto proof = consistency_proof(m, n, t.reader());
      ASSERT_TRUE(proof);
      const auto verifies = [&](const std::vector<hash256>& p) {
        return verify_consistency(m, n, t.roots[m], t.roots[n], p);
      };
      ASSERT_TRUE(verifies(*proof));
      expect_no_mutation_verifies(*proof, verifies);
      EXPECT_FALSE(verify_consistency(m, n, sha256("another"), t.roots[n], *proof));
      if (m > 0) EXPECT_FALSE(verify_consistency(m, n, t.roots[m], sha256("another"), *proof));
      if (m > 1 && m < n) EXPECT_FALSE(verify_consistency(m - 1, n, t.roots[m], t.roots[n], *proof));
    }
  }
}

TEST(merkle, a_changed_history_has_no_consistency_with_the_old_root) {
  const tree honest = tree_of(20);
  for (int changed = 0; changed < 11; ++changed) {
    tree forked;
    for (int i = 0; i < 20; ++i) forked.add(i == changed ? "rewritten" : "record " + std::to_string(i));
    const auto proof = consistency_proof(11, 20, forked.reader());
    ASSERT_TRUE(proof);
    EXPECT_FALSE(verify_consistency(11, 20, honest.roots[11], forked.roots[20], *proof)) << changed;
  }
}

TEST(merkle, proofs_of_what_cannot_be_are_refused) {
  const tree t = tree_of(5);
  EXPECT_EQ(inclusion_proof(5, 5, t.reader()).error().code, errc::invalid);
  EXPECT_EQ(inclusion_proof(0, 0, t.reader()).error().code, errc::invalid);
  EXPECT_EQ(consistency_proof(4, 3, t.reader()).error().code, errc::invalid);
  EXPECT_FALSE(verify_consistency(4, 3, t.roots[4], t.roots[3], {}));
  EXPECT_FALSE(verify_inclusion(0, 0, t.leaves[0], t.roots[0], {}));
}

}  // namespace
}  // namespace longshore::log
