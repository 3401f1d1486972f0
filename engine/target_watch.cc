#include "engine/target_watch.h"

#include <utility>

#include "engine/age.h"

namespace longshore::engine {

namespace asio = boost::asio;

namespace {

constexpr std::int64_t step_ms = 2'000;
constexpr std::int64_t look_every_us = 3'600'000'000;
constexpr std::size_t sample_max = 3;

}  // namespace

std::string target_watch::suspicion() const {
  const std::string reason = signs_.reason();
  if (reason.empty()) return {};
  const std::string doing = verifying_ ? (verifying_->empty() ? "all repositories are" : *verifying_ + " is") +
                                             std::string(" being verified (longshore verify --status)")
                                       : "that is verified by itself, once an hour at most, or now by longshore verify";
  return "the target registry may have lost content: " + reason + "; " + doing +
         ". If it is another registry now, `longshore serve --new-target` once";
}

asio::awaitable<void> target_watch::watch() {
  while (co_await world_->pause.pause(step_ms)) {
    const timestamp now = world_->now.now();
    if (age_us(looked_at_, now) >= look_every_us && !all_is_being_mended()) {
      looked_at_ = now;
      co_await look_at_some();
    }
    verify_what_is_due();
  }
}

// What such a run has not come to yet is missing still, and no news.
bool target_watch::all_is_being_mended() const {
  const verify_run& last = verifies_->last();
  return last.running && last.asked.repair && last.asked.repositories.empty();
}

// One that only checks leaves what it finds to the one that is due.
void target_watch::heed(const verify_run& run) {
  const bool ours = verifying_ && run.number == run_;
  const std::string asked = ours ? *std::exchange(verifying_, std::nullopt) : std::string();
  const bool looked = run.failure.empty() && run.unknown_repositories == run.unknowns.size();
  if (!looked && ours) signs_.failed(asked);
  if (!looked || !run.asked.repair) return;
  loss_signs::looked what{.globs = run.asked.repositories, .since = began_, .not_compared = {}};
  for (const verify_run::unknown& u : run.unknowns) what.not_compared.insert(u.repository);
  signs_.ended(what, world_->now.now());
}

void target_watch::verify_what_is_due() {
  const verify_run& last = verifies_->last();
  const timestamp now = world_->now.now();
  if (last.running || (last.number > 0 && age_us(last.finished, now) < quiet_us)) return;
  const auto next = signs_.due(now);
  if (!next) return;
  verify_request asked;
  if (!next->empty()) asked.repositories.push_back(*next);
  const auto begun = verifies_->begin(std::move(asked));
  if (!begun && begun.error().code == errc::busy) return;  // when that one has ended
  signs_.began(*next, now);
  if (begun) {
    verifying_ = *next;
    run_ = *begun;
  } else if (begun.error().code == errc::not_found) {  // it is not replicated any more
    signs_.ended({.globs = {*next}, .since = signs_.now(), .not_compared = {}}, now);
  } else {
    signs_.failed(*next);
  }
}

// Some tags that this site published and that nothing is open about, of different repositories.
result<std::vector<target_watch::standing_tag>> target_watch::sample() const {
  std::vector<std::string> names;
  std::uint64_t seen = 0;
  auto read = world_->done.repositories([&](const actual_repository& r) {
    if (r.state != sync_state::synced || world_->copying.filter->repository(r.name)) return true;
    ++seen;
    if (names.size() < sample_max) {
      names.push_back(r.name);
    } else if (const std::uint64_t at = world_->random.below(seen); at < sample_max) {
      names[at] = r.name;
    }
    return true;
  });
  if (!read) return pass(std::move(read));
  std::vector<standing_tag> tags;
  for (const std::string& name : names) {
    auto tag = some_tag_of(name);
    if (!tag) return pass(std::move(tag));
    if (*tag) tags.push_back(**std::move(tag));
  }
  return tags;
}

result<std::optional<target_watch::standing_tag>> target_watch::some_tag_of(const std::string& repository) const {
  std::optional<standing_tag> found;
  result<void> looked;
  auto read = world_->done.items(repository, [&](const actual_item& item) {
    if (!item.is_tag) return false;  // tags come first
    const bool stands = item.state == item_state::done && item.done_size > 0 && !item.digest.empty();
    if (!stands || world_->copying.filter->tag(item.ref)) return true;
    // What the source has no more was kept on purpose, and may go by anybody's hand.
    auto wanted = world_->wanted.item(repository, item.ref);
    if (!wanted) looked = pass(std::move(wanted));
    if (looked && *wanted && !(*wanted)->gone) found = {repository, item.ref};
    return looked && !found;
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  return found;
}

// A target that fails, or refuses, says nothing.
asio::awaitable<void> target_watch::look_at_some() {
  auto tags = sample();
  if (!tags) co_return;
  std::size_t missing = 0;
  std::string first;
  for (const standing_tag& t : *tags) {
    const auto there = co_await world_->target.resolve(t.repository, t.tag);
    if (!there) co_return;
    if (*there) continue;
    auto done = world_->done.item(t.repository, t.tag);
    if (!done || !*done || (*done)->state != item_state::done) continue;  // it was just removed
    if (missing++ == 0) first = t.repository + ":" + t.tag;
  }
  if (missing == 0 || missing < tags->size()) co_return;
  if (all_is_being_mended()) {  // meanwhile: once more when that has ended
    looked_at_ = {};
    co_return;
  }
  signs_.note_all_gone(missing == 1 ? first + " was brought there and it has it no more"
                                    : "it has none of " + std::to_string(missing) + " tags that were brought there, " +
                                          first + " among them");
}

void target_watch::start() {
  verifies_->tell({.began = [this] { began_ = signs_.now(); }, .ended = [this](const verify_run& run) { heed(run); }});
  group_.spawn(watch());
}

asio::awaitable<void> target_watch::stop() {
  verifies_->tell({});
  group_.cancel();
  co_await group_.join();
}

}  // namespace longshore::engine
