#include "log/merkle.h"

#include <bit>

#include "storage/env/ensure.h"

namespace longshore::log {

namespace {

std::string_view bytes_of(const hash256& h) { return {reinterpret_cast<const char*>(h.data()), h.size()}; }

// The largest power of two below n; n > 1.
std::uint64_t split_of(std::uint64_t n) { return std::bit_floor(n - 1); }

// The root of leaves [begin, end), whose subtrees lie within it; end > begin, begin a multiple of the split.
result<hash256> root_of(std::uint64_t begin, std::uint64_t end, const subtree_reader& read) {
  const std::uint64_t n = end - begin;
  if (std::has_single_bit(n)) {
    const int level = std::countr_zero(n);
    return read(static_cast<std::uint8_t>(level), begin >> level);
  }
  const std::uint64_t middle = begin + split_of(n);
  auto left = root_of(begin, middle, read);
  if (!left) return left;
  auto right = root_of(middle, end, read);
  if (!right) return right;
  return node_hash(*left, *right);
}

// What a verifier does at each step of a proof: join from the left, or from the right.
struct path {
  std::uint64_t index, last;

  bool takes_left() const { return (index & 1) != 0 || index == last; }
  void up_from_left() {
    while ((index & 1) == 0 && index != 0) shift();
    shift();
  }
  void shift() {
    index >>= 1;
    last >>= 1;
  }
};

}  // namespace

hash256 leaf_hash(std::string_view record) { return sha256(std::string_view("\0", 1), record); }

hash256 node_hash(const hash256& left, const hash256& right) { return sha256("\x01", bytes_of(left), bytes_of(right)); }

frontier::frontier(std::uint64_t size, std::vector<hash256> subtrees) : size_(size), subtrees_(std::move(subtrees)) {
  ensure(subtrees_.size() == static_cast<std::size_t>(std::popcount(size)), "one subtree per bit of the size");
}

void frontier::append(const hash256& leaf, const on_complete& completed) {
  hash256 hash = leaf;
  std::uint8_t level = 0;
  std::uint64_t index = size_;
  if (completed) completed(level, index, hash);
  for (; (index & 1) != 0; index >>= 1) {
    hash = node_hash(subtrees_.back(), hash);
    subtrees_.pop_back();
    ++level;
    if (completed) completed(level, index >> 1, hash);
  }
  subtrees_.push_back(hash);
  ++size_;
}

hash256 frontier::root() const {
  if (subtrees_.empty()) return sha256({});
  hash256 root = subtrees_.back();
  for (std::size_t i = subtrees_.size() - 1; i > 0; --i) root = node_hash(subtrees_[i - 1], root);
  return root;
}

result<frontier> frontier_at(std::uint64_t size, const subtree_reader& read) {
  std::vector<hash256> subtrees;
  std::uint64_t begin = 0;
  for (int level = 63; level >= 0; --level) {
    if (((size >> level) & 1) == 0) continue;
    auto hash = read(static_cast<std::uint8_t>(level), begin >> level);
    if (!hash) return pass(std::move(hash));
    subtrees.push_back(*hash);
    begin += std::uint64_t{1} << level;
  }
  return frontier(size, std::move(subtrees));
}

result<hash256> root_at(std::uint64_t size, const subtree_reader& read) {
  auto edge = frontier_at(size, read);
  if (!edge) return pass(std::move(edge));
  return edge->root();
}

result<std::vector<hash256>> inclusion_proof(std::uint64_t index, std::uint64_t size, const subtree_reader& read) {
  if (index >= size) {
    return fail(errc::invalid, "no record " + std::to_string(index) + " in a tree of " + std::to_string(size));
  }
  // From the root down, so the proof, which goes from the leaf up, comes out reversed.
  std::vector<hash256> down;
  for (std::uint64_t begin = 0, end = size; end - begin > 1;) {
    const std::uint64_t middle = begin + split_of(end - begin);
    const bool in_left = index < middle;
    auto sibling = in_left ? root_of(middle, end, read) : root_of(begin, middle, read);
    if (!sibling) return pass(std::move(sibling));
    down.push_back(*sibling);
    (in_left ? end : begin) = middle;
  }
  return std::vector<hash256>(down.rbegin(), down.rend());
}

result<std::vector<hash256>> consistency_proof(std::uint64_t first, std::uint64_t second, const subtree_reader& read) {
  if (first > second) {
    return fail(errc::invalid,
                "a tree of " + std::to_string(first) + " cannot lead to one of " + std::to_string(second));
  }
  std::vector<hash256> down;
  if (first == 0 || first == second) return down;
  std::uint64_t begin = 0, end = second;
  while (end != first) {
    const std::uint64_t middle = begin + split_of(end - begin);
    const bool in_left = first <= middle;
    auto sibling = in_left ? root_of(middle, end, read) : root_of(begin, middle, read);
    if (!sibling) return pass(std::move(sibling));
    down.push_back(*sibling);
    (in_left ? end : begin) = middle;
  }
  // The old tree itself, unless it is a complete subtree of the new one and known to the verifier as its root.
  if (begin != 0) {
    auto old_part = root_of(begin, end, read);
    if (!old_part) return pass(std::move(old_part));
    down.push_back(*old_part);
  }
  return std::vector<hash256>(down.rbegin(), down.rend());
}

bool verify_inclusion(std::uint64_t index, std::uint64_t size, const hash256& leaf, const hash256& root,
                      std::span<const hash256> proof) {
  if (index >= size) return false;
  path at{index, size - 1};
  hash256 r = leaf;
  for (const hash256& p : proof) {
    if (at.last == 0) return false;
    if (at.takes_left()) {
      r = node_hash(p, r);
      at.up_from_left();
    } else {
      r = node_hash(r, p);
      at.shift();
    }
  }
  return at.last == 0 && r == root;
}

bool verify_consistency(std::uint64_t first, std::uint64_t second, const hash256& first_root,
                        const hash256& second_root, std::span<const hash256> proof) {
  if (first > second) return false;
  if (first == second) return proof.empty() && first_root == second_root;
  if (first == 0) return proof.empty() && first_root == sha256({});
  path at{first - 1, second - 1};
  while ((at.index & 1) != 0) at.shift();
  hash256 old_root = first_root;
  if (!std::has_single_bit(first)) {
    if (proof.empty()) return false;
    old_root = proof.front();
    proof = proof.subspan(1);
  }
  hash256 new_root = old_root;
  for (const hash256& p : proof) {
    if (at.last == 0) return false;
    if (at.takes_left()) {
      old_root = node_hash(p, old_root);
      new_root = node_hash(p, new_root);
      at.up_from_left();
    } else {
      new_root = node_hash(new_root, p);
      at.shift();
    }
  }
  return at.last == 0 && old_root == first_root && new_root == second_root;
}

}  // namespace longshore::log
