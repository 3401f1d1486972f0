#pragma once

// The log's Merkle tree: RFC 6962 section 2.1, over the stored record bytes. Pure hashing; no storage.
//
// leaf = SHA256(0x00 || record), node = SHA256(0x01 || left || right), root of the empty tree = SHA256("").

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "storage/digest.h"

namespace longshore::log {

hash256 leaf_hash(std::string_view record);
hash256 node_hash(const hash256& left, const hash256& right);

// The right edge of a growing tree: the roots of its complete subtrees, largest first. At most 64 hashes.
class frontier {
 public:
  frontier() = default;
  frontier(std::uint64_t size, std::vector<hash256> subtrees);

  // Called for each complete subtree that an append finishes (level 0 is the leaf itself).
  using on_complete = std::function<void(std::uint8_t level, std::uint64_t index, const hash256& hash)>;
  void append(const hash256& leaf, const on_complete& completed = {});
  std::uint64_t size() const { return size_; }
  hash256 root() const;

 private:
  std::uint64_t size_ = 0;
  std::vector<hash256> subtrees_;
};

// Reads the stored hash of a complete subtree; level 0 are leaves.
using subtree_reader = std::function<result<hash256>(std::uint8_t level, std::uint64_t index)>;

result<frontier> frontier_at(std::uint64_t size, const subtree_reader& read);
result<hash256> root_at(std::uint64_t size, const subtree_reader& read);
// RFC 6962 2.1.1 and 2.1.2; errc::invalid when index >= size or first > second.
result<std::vector<hash256>> inclusion_proof(std::uint64_t index, std::uint64_t size, const subtree_reader& read);
result<std::vector<hash256>> consistency_proof(std::uint64_t first, std::uint64_t second, const subtree_reader& read);
bool verify_inclusion(std::uint64_t index, std::uint64_t size, const hash256& leaf, const hash256& root,
                      std::span<const hash256> proof);
bool verify_consistency(std::uint64_t first, std::uint64_t second, const hash256& first_root,
                        const hash256& second_root, std::span<const hash256> proof);

}  // namespace longshore::log
