#include "engine/loss_signs.h"

#include <algorithm>

#include "engine/age.h"
#include "engine/glob.h"
#include "engine/record_detail.h"

namespace longshore::engine {
namespace {

constexpr std::int64_t loss_us_max = 2 * loss_signs::again_us;
constexpr std::size_t begun_max = 1'000;  // remembered

bool covers(const loss_signs::looked& run, const std::string& repository) {
  return run.globs.empty() || std::ranges::any_of(run.globs, [&](const auto& g) { return matches(g, repository); });
}

}  // namespace

// What a verification finds lost comes together with the items that it opens again for that.
void loss_signs::note(const std::vector<log::event>& submitted, timestamp now) {
  using log::event_kind;
  forget_old(now);
  const bool verified = std::ranges::find(submitted, event_kind::mismatched, &log::event::kind) != submitted.end();
  for (const log::event& e : submitted) {
    const bool is_sign = e.kind == event_kind::lost && e.detail.empty() && !verified && !mended_.contains(e.repository);
    if (is_sign && (signs_.size() < names_max || signs_.contains(e.repository))) {
      signs_.insert_or_assign(e.repository, ++order_);
    }
    if (e.kind == event_kind::mismatched) note_loss(e, now);
  }
}

void loss_signs::note_loss(const log::event& e, timestamp now) {
  const std::string kind = record_detail(e.detail).text("kind");
  if (kind != "missing_tag" && kind != "missing_manifest" && kind != "missing_blob") return;
  if (losses_.size() < names_max) losses_.insert_or_assign(e.repository, now);
}

bool loss_signs::asks_for_all() const {
  const auto confirmed = [&](const auto& sign) { return losses_.contains(sign.first); };
  return !all_gone_.empty() || losses_.size() > 1 || signs_.size() >= names_max ||
         std::ranges::any_of(signs_, confirmed);
}

bool loss_signs::may_begin(const std::string& repository, timestamp now) const {
  const auto begun = begun_at_.find(repository);
  return begun == begun_at_.end() || age_us(begun->second, now) >= again_us;
}

void loss_signs::forget_old(timestamp now) {
  std::erase_if(mended_, [&](const auto& m) { return age_us(m.second, now) >= again_us; });
  // Their age is not known where the clock was set back, and what is not known to be old is not forgotten.
  for (auto& [_, at] : losses_) at = std::min(at, now);
  if (asks_for_all()) return;  // until all were looked at
  std::erase_if(losses_, [&](const auto& l) { return age_us(l.second, now) >= loss_us_max; });
}

std::optional<std::string> loss_signs::due(timestamp now) {
  forget_old(now);
  if (asks_for_all()) return may_begin("", now) ? std::optional<std::string>("") : std::nullopt;
  const auto next = std::ranges::find_if(signs_, [&](const auto& sign) { return may_begin(sign.first, now); });
  return next == signs_.end() ? std::nullopt : std::optional(next->first);
}

void loss_signs::began(const std::string& repository, timestamp now) {
  if (begun_at_.size() >= begun_max) {
    std::erase_if(begun_at_, [&](const auto& b) { return age_us(b.second, now) >= again_us; });
  }
  if (begun_at_.size() >= begun_max) begun_at_.erase(begun_at_.begin());
  begun_at_.insert_or_assign(repository, now);
}

bool loss_signs::is_given_up(const std::string& repository) {
  if (++not_looked_at_[repository] < tries_max) return false;
  not_looked_at_.erase(repository);
  return true;
}

void loss_signs::failed(const std::string& repository) {
  if (!is_given_up(repository)) return;
  if (!repository.empty()) {
    signs_.erase(repository);
    return;
  }
  signs_.clear();
  losses_.clear();
  not_looked_at_.clear();
  all_gone_.clear();
}

void loss_signs::ended(const looked& run, timestamp now) {
  if (run.globs.empty()) return ended_all(run, now);
  std::erase_if(signs_, [&](const auto& sign) {
    const auto& [repository, at] = sign;
    if (!covers(run, repository)) return false;
    if (run.not_compared.contains(repository)) return is_given_up(repository);
    not_looked_at_.erase(repository);
    return at <= static_cast<std::uint64_t>(run.since) && !losses_.contains(repository);
  });
}

void loss_signs::ended_all(const looked& run, timestamp now) {
  if (asks_for_all()) {
    for (const std::string& repository : run.not_compared) {
      if (signs_.size() < names_max - 1) signs_.emplace(repository, ++order_);
    }
  }
  not_looked_at_.erase("");
  std::erase_if(signs_, [&](const auto& sign) {
    const auto& [repository, at] = sign;
    if (run.not_compared.contains(repository)) return is_given_up(repository);
    not_looked_at_.erase(repository);
    return at <= static_cast<std::uint64_t>(run.since) || losses_.contains(repository);
  });
  for (const auto& [repository, _] : losses_) {
    if (mended_.size() < names_max) mended_.insert_or_assign(repository, now);
  }
  losses_.clear();
  if (all_gone_at_ <= static_cast<std::uint64_t>(run.since)) all_gone_.clear();
}

std::string loss_signs::reason() const {
  if (!all_gone_.empty()) return all_gone_;
  if (losses_.size() > 1) {
    return "verifications found content of " + std::to_string(losses_.size()) + " repositories missing there, " +
           losses_.begin()->first + " among them";
  }
  if (signs_.empty()) return {};
  return "content of " + signs_.begin()->first + " that was there is not" +
         (signs_.size() == 1 ? std::string() : ", nor some of " + std::to_string(signs_.size() - 1) + " others");
}

}  // namespace longshore::engine
