#include "engine/closure.h"

#include <algorithm>
#include <utility>

#include "storage/env/ensure.h"

namespace longshore::engine {
namespace {

std::unexpected<error> over(const char* what, std::size_t limit) {
  return fail(errc::too_large, std::string("the image has more than ") + std::to_string(limit) + " " + what);
}

}  // namespace

result<closure> closure::of(manifest_document root, subjects s, closure_limits limits) {
  return of(std::move(root), s, limits, entry_choice());
}

result<closure> closure::of(manifest_document root, subjects s, closure_limits limits, entry_choice chosen) {
  closure c(s, limits, std::move(chosen));
  c.root_ = root.digest;
  node& n = c.nodes_[root.digest];
  if (auto r = c.take_in(n, std::move(root)); !r) return pass(std::move(r));
  return c;
}

std::vector<digest> closure::take_wanted() { return std::exchange(wanted_, {}); }

result<void> closure::want(const manifest_reference& r, std::size_t depth) {
  const digest& d = r.target.digest;
  if (r.as == copy_as::blob) {
    if (nodes_.contains(d) && nodes_.at(d).state == node_state::supplied) return {};
    blobs_.try_emplace(d, r);
    return blobs_.size() > limits_.blobs_max ? over("blobs", limits_.blobs_max) : result<void>();
  }
  const auto [at, is_new] = nodes_.try_emplace(d);
  node& n = at->second;
  if (r.as == copy_as::either && !n.perhaps_blob) n.perhaps_blob = r;
  if (!is_new) {
    if (r.as == copy_as::either && n.state == node_state::absent) blobs_.try_emplace(d, r);
    return {};
  }
  if (depth > limits_.depth_max) return over("levels of manifests", limits_.depth_max);
  if (nodes_.size() > limits_.documents_max) return over("manifests", limits_.documents_max);
  n.depth = depth;
  wanted_.push_back(d);
  return {};
}

result<void> closure::take_in(node& n, manifest_document document) {
  bytes_ += document.bytes.size();
  if (bytes_ > limits_.document_bytes_max) return over("bytes of manifests", limits_.document_bytes_max);
  auto content = parse_manifest(document.media_type, document.bytes);
  if (!content) return pass(std::move(content), "manifest " + document.digest.text());
  n.content = *std::move(content);
  n.document = std::move(document);
  n.state = node_state::supplied;
  const std::size_t depth = n.depth + 1;
  if (subjects_ == subjects::follow && n.content.subject) {
    if (auto r = want({*n.content.subject, copy_as::manifest, true, {}}, depth); !r) return r;
  }
  for (const manifest_reference& reference : n.content.references) {
    if (n.content.kind == manifest_kind::index && chosen_ && !chosen_(n.content, reference)) {
      n.has_left_out = any_left_out_ = true;
      continue;
    }
    if (auto r = want(reference, depth); !r) return r;
  }
  return {};
}

result<void> closure::supply(manifest_document document) {
  const auto at = nodes_.find(document.digest);
  ensure(at != nodes_.end() && at->second.state == node_state::wanted, "a manifest was supplied that nobody wanted");
  return take_in(at->second, std::move(document));
}

void closure::held(const digest& d) {
  const auto at = nodes_.find(d);
  ensure(at != nodes_.end() && at->second.state == node_state::wanted, "a manifest was answered that nobody wanted");
  at->second.state = node_state::held;
}

void closure::absent(const digest& d) {
  const auto at = nodes_.find(d);
  ensure(at != nodes_.end() && at->second.state == node_state::wanted, "a manifest was answered that nobody wanted");
  at->second.state = node_state::absent;
  if (at->second.perhaps_blob) blobs_.try_emplace(d, *at->second.perhaps_blob);
}

bool closure::may_be_blob(const digest& d) const {
  const auto at = nodes_.find(d);
  return at != nodes_.end() && at->second.perhaps_blob.has_value();
}

const manifest* closure::parsed(const digest& d) const {
  const auto at = nodes_.find(d);
  return at != nodes_.end() && at->second.state == node_state::supplied ? &at->second.content : nullptr;
}

// The way from the root to where a walk is, with what comes next at each step. Not the call stack: a long chain of
// manifests is as deep as it has documents, since each may be near the root by another way.
struct closure::walk {
  struct step {
    const node* at;
    std::size_t next = 0;
  };
  std::vector<step> path;
  std::set<longshore::digest> seen;
  closure_plan out;
};

// Null: no manifest that this one needs. Numbers below 1 + its references.
const digest* closure::followed(const node& n, std::size_t i) const {
  if (i == 0) return subjects_ == subjects::follow && n.content.subject ? &n.content.subject->digest : nullptr;
  const manifest_reference& r = n.content.references[i - 1];
  return r.as == copy_as::blob ? nullptr : &r.target.digest;
}

// What was left out has no node, unless it is needed elsewhere, too.
void closure::enter(const digest& d, walk& w) const {
  ++w.out.steps;
  const auto at = nodes_.find(d);
  if (at == nodes_.end() || !w.seen.insert(d).second) return;
  const node& n = at->second;
  ensure(n.state != node_state::wanted, "a closure was planned before it was complete");
  if (n.state == node_state::absent && !n.perhaps_blob) w.out.absent.push_back(d);
  if (n.state == node_state::held) w.out.held.insert(d);
  if (n.state == node_state::supplied) w.path.push_back({&n});
}

// What it refers to was left before it. A subject that is not whole leaves what refers to it whole.
void closure::leave(const node& n, walk& w) const {
  w.out.manifests.push_back(&*n.document);
  if (!any_left_out_) return;
  const bool is_sparse = n.has_left_out || std::ranges::any_of(n.content.references, [&](const manifest_reference& r) {
                           return r.as != copy_as::blob && w.out.sparse.contains(r.target.digest);
                         });
  if (is_sparse) w.out.sparse.insert(n.document->digest);
}

closure_plan closure::plan() const {
  walk w;
  enter(root_, w);
  while (!w.path.empty()) {
    walk::step& here = w.path.back();
    const node& n = *here.at;
    if (here.next > n.content.references.size()) {
      w.path.pop_back();
      leave(n, w);
    } else if (const digest* d = followed(n, here.next++)) {
      enter(*d, w);
    }
  }
  closure_plan out = std::move(w.out);
  for (const auto& [d, blob] : blobs_) out.blobs.push_back(blob);
  std::ranges::sort(out.blobs, [](const manifest_reference& a, const manifest_reference& b) {
    if (a.target.size != b.target.size) return a.target.size > b.target.size;
    return a.target.digest < b.target.digest;
  });
  return out;
}

}  // namespace longshore::engine
