#include "tests/sim/ledger.h"

namespace longshore::sim {

void ledger::said(const std::string& repository, const std::string& ref, const std::optional<digest>& shown) {
  said_[{repository, ref}] = {++step_, shown ? std::optional(shown->text()) : std::nullopt};
  if (shown) last_gone_.erase({repository, ref});
  if (!shown) last_gone_.insert({repository, ref});
}

void ledger::look(const std::string& repository) {
  ++step_;
  repository_state& known = known_[repository];
  look_at_tags(repository, known.tags);
  look_at_manifests(repository, known.manifests);
}

bool ledger::was_told_gone(const name& what) const {
  const auto answer = said_.find(what);
  const auto put = put_at_.find(what);
  return answer != said_.end() && !answer->second.shown && (put == put_at_.end() || answer->second.step > put->second);
}

void ledger::look_at_tags(const std::string& repository, std::map<std::string, std::string>& known) {
  auto now = target_->tags(repository);
  for (const auto& [tag, d] : now) {
    const auto before = known.find(tag);
    if (before != known.end() && before->second == d) continue;
    const name n{repository, tag};
    put_at_[n] = step_;
    foreign_.erase(n);
    broken_.erase(n);
    const auto answer = said_.find(n);
    if (answer == said_.end() || answer->second.shown != d) {
      breach(repository + ":" + tag + " was published as " + d + ", which is not what the source showed last");
    }
    if (target_->is_whole(repository, *digest::parse(d))) continue;
    if (is_tampered(repository)) {
      broken_.insert(n);  // it was believed to hold what somebody took away
    } else {
      breach(repository + ":" + tag + " was published and is not whole");
    }
  }
  for (const auto& [tag, d] : known) {
    if (now.contains(tag)) continue;
    const name n{repository, tag};
    const auto foreign = foreign_.find(n);
    if (foreign != foreign_.end()) {
      // Between a listing and the deletion that it justifies, nobody can see what others do.
      if (foreign->second < listed_at_[repository]) breach(repository + ":" + tag + ", of somebody else, was removed");
      foreign_.erase(foreign);
    } else if (!was_told_gone(n)) {
      breach(repository + ":" + tag + " was removed, and the source never said that it is gone");
    }
  }
  known = std::move(now);
}

void ledger::look_at_manifests(const std::string& repository, std::set<std::string>& known) {
  std::set<std::string> now;
  for (const digest& d : target_->manifests(repository)) now.insert(d.text());
  for (const std::string& d : now) {
    if (!known.contains(d)) put_at_[{repository, d}] = step_;
  }
  bool removed = false;
  for (const std::string& d : known) {
    if (now.contains(d)) continue;
    removed = true;
    if (!was_told_gone({repository, d})) {
      breach(repository + "@" + d + " was removed, and the source never said that it is gone");
    }
  }
  known = std::move(now);
  if (!removed) return;
  for (const auto& [tag, d] : known_[repository].tags) {
    if (broken_.contains({repository, tag}) || target_->is_whole(repository, *digest::parse(d))) continue;
    const auto foreign = foreign_.find({repository, tag});
    if (foreign != foreign_.end() && foreign->second > listed_at_[repository]) continue;
    breach(repository + ":" + tag + " lost a part of its image to a removal");
  }
}

void ledger::tampered(const std::string& repository, const std::string& foreign) {
  ++step_;
  tampered_.insert(repository);
  repository_state& known = known_[repository];
  known.tags = target_->tags(repository);
  known.manifests.clear();
  for (const digest& d : target_->manifests(repository)) known.manifests.insert(d.text());
  if (!foreign.empty()) foreign_[{repository, foreign}] = step_;
  for (const auto& [tag, d] : known.tags) {
    if (!target_->is_whole(repository, *digest::parse(d))) broken_.insert({repository, tag});
  }
}

}  // namespace longshore::sim
