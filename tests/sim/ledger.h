#pragma once

// The book of what the source has answered and of what became of the target, operation by operation: it finds the
// breaches of promise that a final comparison would not see.
//
//   a tag is published only as the source showed it last, and whole;
//   a tag is removed, and a manifest, only after the source said, since it was last published, that it has it no
//   longer; a tag that somebody else put at the target is never removed; a removal leaves every other tag whole.
// What somebody did to the target behind our back is entered by tampered(): what broke then is not ours.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/memory/memory_registry.h"

namespace longshore::sim {

using engine::testing::memory_registry;

class ledger {
 public:
  explicit ledger(const memory_registry& target) : target_(&target) {}

  // The source's answer about a tag or digest; none: there is no such thing.
  void said(const std::string& repository, const std::string& ref, const std::optional<digest>& shown);
  // A listing of the target's tags began: tags of others that come later are not seen by it.
  void listing(const std::string& repository) { listed_at_[repository] = ++step_; }
  // The site lost its memory: what it was told before justifies nothing.
  void restarted() { said_.clear(); }
  // An operation of ours has been done at the target.
  void look(const std::string& repository);
  // Somebody else changed the target. foreign: a tag of theirs, if they set one.
  void tampered(const std::string& repository, const std::string& foreign);

  // The source's last answer was that there is no such thing.
  bool was_last_gone(const std::string& repository, const std::string& ref) const {
    return last_gone_.contains({repository, ref});
  }
  bool is_tampered(const std::string& repository) const { return tampered_.contains(repository); }
  bool is_foreign(const std::string& repository, const std::string& tag) const {
    return foreign_.contains({repository, tag});
  }
  const std::vector<std::string>& breaches() const { return breaches_; }
  void breach(std::string what) { breaches_.push_back(std::move(what)); }

 private:
  using name = std::pair<std::string, std::string>;  // repository, tag or digest
  struct answer {
    std::uint64_t step = 0;
    std::optional<std::string> shown;
  };
  struct repository_state {
    std::map<std::string, std::string> tags;
    std::set<std::string> manifests;
  };
  void look_at_tags(const std::string& repository, std::map<std::string, std::string>& known);
  void look_at_manifests(const std::string& repository, std::set<std::string>& known);
  bool was_told_gone(const name& what) const;

  const memory_registry* target_;
  std::uint64_t step_ = 0;
  std::map<name, answer> said_;
  std::set<name> last_gone_;
  std::map<name, std::uint64_t> put_at_;  // tags and manifests of the target
  std::map<std::string, repository_state> known_;
  std::map<std::string, std::uint64_t> listed_at_;
  std::map<name, std::uint64_t> foreign_;
  std::set<std::string> tampered_;
  std::set<name> broken_;  // tags that somebody else broke
  std::vector<std::string> breaches_;
};

}  // namespace longshore::sim
