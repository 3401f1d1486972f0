#include "engine/loss_signs.h"

#include <algorithm>
#include <utility>

#include "engine/record_detail.h"

namespace longshore::engine {
namespace {

constexpr std::size_t names_max = 16;  // of each kind
constexpr std::int64_t loss_us_max = 2 * loss_signs::again_us;
constexpr std::size_t begun_max = 1'000;  // remembered

}  // namespace

// What a verification finds lost comes together with the items that it opens again for that.
void loss_signs::note(const std::vector<log::event>& submitted, timestamp now) {
  using log::event_kind;
  forget_old(now);
  const bool verified = std::ranges::find(submitted, event_kind::mismatched, &log::event::kind) != submitted.end();
  for (const log::event& e : submitted) {
    const bool is_sign = e.kind == event_kind::lost && e.detail.empty() && !verified;
    if (!is_sign && e.kind != event_kind::mismatched) continue;
    if (verifying_all_) {
      note_meanwhile(e.repository, is_sign);
    } else if (is_sign) {
      note_sign(e.repository, now);
    } else {
      note_loss(e, now);
    }
  }
}

// Where much is mended, nothing more is to be learnt from signs.
void loss_signs::note_meanwhile(const std::string& repository, bool is_sign) {
  if (!is_sign) {
    meanwhile_.erase(repository);
    if (mended_.size() < names_max) mended_.insert(repository);
  } else if (mended_.size() < names_max && !mended_.contains(repository) && meanwhile_.size() < names_max) {
    meanwhile_.insert(repository);
  }
}

void loss_signs::note_sign(const std::string& repository, timestamp now) {
  if (signs_.size() < names_max) signs_.insert(repository);
  suspect("content of " + repository + " that was there is not", now);
}

void loss_signs::note_loss(const log::event& e, timestamp now) {
  const std::string kind = record_detail(e.detail).text("kind");
  if (kind != "missing_tag" && kind != "missing_manifest" && kind != "missing_blob") return;
  if (losses_.size() < names_max) losses_.insert_or_assign(e.repository, now.us);
  suspect("a verification found content of " + e.repository + " missing there", now);
}

void loss_signs::note_all_gone(std::string why, timestamp now) {
  if (verifying_all_) return;
  all_gone_ = true;
  reason_.clear();  // this says more
  suspect(std::move(why), now);
}

void loss_signs::suspect(std::string why, timestamp now) {
  if (since_.us == 0) since_ = now;
  if (reason_.empty()) reason_ = std::move(why);
}

bool loss_signs::asks_for_all() const {
  const auto confirmed = [&](const std::string& repository) { return losses_.contains(repository); };
  return all_gone_ || losses_.size() > 1 || std::ranges::any_of(signs_, confirmed);
}

bool loss_signs::may_begin(const std::string& repository, timestamp now) const {
  const auto begun = begun_at_us_.find(repository);
  return begun == begun_at_us_.end() || now.us - begun->second >= again_us;
}

void loss_signs::forget_old(timestamp now) {
  std::erase_if(losses_, [&](const auto& l) { return now.us - l.second >= loss_us_max; });
  calm_down();
}

void loss_signs::calm_down() {
  if (all_gone_ || !signs_.empty() || !losses_.empty()) return;
  reason_.clear();
  since_ = {};
}

std::optional<std::string> loss_signs::due(timestamp now) {
  if (verifying_all_) return std::nullopt;
  if (!asks_for_all()) forget_old(now);
  if (asks_for_all()) return may_begin("", now) ? std::optional<std::string>("") : std::nullopt;
  const auto next = std::ranges::find_if(signs_, [&](const std::string& name) { return may_begin(name, now); });
  return next == signs_.end() ? std::nullopt : std::optional(*next);
}

void loss_signs::began(const std::string& repository, timestamp now) {
  if (begun_at_us_.size() >= begun_max) {
    std::erase_if(begun_at_us_, [&](const auto& b) { return now.us - b.second >= again_us; });
  }
  if (begun_at_us_.size() >= begun_max) begun_at_us_.erase(begun_at_us_.begin());
  begun_at_us_.insert_or_assign(repository, now.us);
  verifying_all_ = repository.empty();
}

void loss_signs::take_up_meanwhile(timestamp now) {
  mended_.clear();
  for (const std::string& repository : std::exchange(meanwhile_, {})) note_sign(repository, now);
}

void loss_signs::ended(const std::string& repository, bool looked_at_all, timestamp now) {
  verifying_all_ = false;
  end(repository, looked_at_all);
  take_up_meanwhile(now);
}

void loss_signs::end(const std::string& repository, bool looked_at_all) {
  if (!looked_at_all && ++not_looked_at_all_[repository] < tries_max) return;
  not_looked_at_all_.erase(repository);
  if (repository.empty()) {
    signs_.clear();
    losses_.clear();
    not_looked_at_all_.clear();
    all_gone_ = false;
  } else if (!losses_.contains(repository)) {
    signs_.erase(repository);  // else both stand, until all were looked at
  }
  calm_down();
}

}  // namespace longshore::engine
