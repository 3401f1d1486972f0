#include "engine/closure.h"

#include <algorithm>

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
      n.left_out.push_back(reference.target.digest);
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

bool closure::is_sparse(const digest& d) const {
  std::vector<digest> below{d};
  for (std::size_t i = 0; i < below.size(); ++i) {
    const auto at = nodes_.find(below[i]);
    if (at == nodes_.end() || at->second.state != node_state::supplied) continue;
    if (!at->second.left_out.empty()) return true;
    for (const manifest_reference& r : at->second.content.references) {
      if (r.as != copy_as::blob && std::ranges::find(below, r.target.digest) == below.end()) {
        below.push_back(r.target.digest);
      }
    }
  }
  return false;
}

// Children before parents. The depth of the walk is that of the closure, which is limited.
void closure::visit(const digest& d, std::map<digest, bool>& done, closure_plan& out) const {
  if (!done.try_emplace(d, true).second) return;
  const auto at = nodes_.find(d);
  if (at == nodes_.end()) return;
  const node& n = at->second;
  ensure(n.state != node_state::wanted, "a closure was planned before it was complete");
  if (n.state == node_state::absent && !n.perhaps_blob) out.absent.push_back(d);
  if (n.state != node_state::supplied) return;
  if (subjects_ == subjects::follow && n.content.subject) visit(n.content.subject->digest, done, out);
  for (const manifest_reference& r : n.content.references) {
    const bool taken = std::ranges::find(n.left_out, r.target.digest) == n.left_out.end();
    if (taken && r.as != copy_as::blob) visit(r.target.digest, done, out);
  }
  out.manifests.push_back(&*n.document);
}

closure_plan closure::plan() const {
  closure_plan out;
  std::map<digest, bool> done;
  visit(root_, done, out);
  for (const auto& [d, blob] : blobs_) out.blobs.push_back(blob);
  std::ranges::sort(out.blobs, [](const manifest_reference& a, const manifest_reference& b) {
    if (a.target.size != b.target.size) return a.target.size > b.target.size;
    return a.target.digest < b.target.digest;
  });
  return out;
}

}  // namespace longshore::engine
