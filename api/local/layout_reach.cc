#include "api/local/layout_reach.h"

#include <utility>

namespace longshore::api {

void layout_reach::look_into(node& n, const engine::descriptor& d, const look& into,
                             std::vector<engine::descriptor>& to_hold) {
  auto facts = into(d);
  if (!facts) {
    if (facts.error().code != errc::not_found) damage_ = std::move(facts).error();
    return;
  }
  n.facts = *facts;
  if (n.facts->subject) by_subject_[*n.facts->subject].insert_or_assign(d.digest, n.facts->self);
  to_hold.insert(to_hold.end(), n.facts->children.begin(), n.facts->children.end());
}

void layout_reach::hold_all(std::vector<engine::descriptor> open, const look& into) {
  while (!open.empty()) {
    const engine::descriptor next = std::move(open.back());
    open.pop_back();
    node& n = nodes_[next.digest];
    if (++n.holders == 1) look_into(n, next, into, open);
  }
}

void layout_reach::hold(const engine::descriptor& d, const look& into) { hold_all({d}, into); }

void layout_reach::arrived(const engine::descriptor& d, const look& into) {
  const auto at = nodes_.find(d.digest);
  if (at == nodes_.end() || at->second.facts != nullptr) return;
  std::vector<engine::descriptor> children;
  look_into(at->second, d, into, children);
  hold_all(std::move(children), into);
}

void layout_reach::release(const digest& d) {
  std::vector<digest> open{d};
  while (!open.empty()) {
    const auto at = nodes_.find(open.back());
    open.pop_back();
    if (at == nodes_.end() || --at->second.holders > 0) continue;
    if (const manifest_facts* facts = at->second.facts) {
      if (const auto of = facts->subject ? by_subject_.find(*facts->subject) : by_subject_.end();
          of != by_subject_.end()) {
        of->second.erase(at->first);
        if (of->second.empty()) by_subject_.erase(of);
      }
      for (const engine::descriptor& child : facts->children) open.push_back(child.digest);
    }
    nodes_.erase(at);
  }
}

bool layout_reach::contains(const digest& d) const {
  const auto at = nodes_.find(d);
  return at != nodes_.end() && at->second.facts != nullptr;
}

std::vector<engine::descriptor> layout_reach::referrers(const digest& subject) const {
  std::vector<engine::descriptor> found;
  const auto of = by_subject_.find(subject);
  if (of == by_subject_.end()) return found;
  for (const auto& [d, referrer] : of->second) found.push_back(referrer);
  return found;
}

}  // namespace longshore::api
