#include "engine/reconcile_decisions.h"

#include <algorithm>

#include "engine/glob.h"
#include "engine/reference.h"

namespace longshore::engine {
namespace {

bool is_live(const known_tags& known, std::string_view tag) {
  const auto at = known.find(tag);
  return at != known.end() && !at->second.gone;
}

bool is_immutable(std::span<const std::string> globs, std::string_view tag) {
  return std::ranges::any_of(globs, [&](const std::string& g) { return matches(g, tag); });
}

}  // namespace

std::vector<tag_question> questions_about(const known_tags& known, const listed_tags& listed, reconcile_mode mode,
                                          std::span<const std::string> immutable) {
  listed_tags names;
  for (const std::string& tag : listed) {
    const bool settled = is_live(known, tag) && (mode == reconcile_mode::tags || is_immutable(immutable, tag));
    if (!settled && is_tag(tag)) names.insert(tag);
  }
  for (const auto& [tag, says] : known) {
    if (!says.gone && !listed.contains(tag)) names.insert(tag);
  }
  std::vector<tag_question> questions;
  questions.reserve(names.size());
  for (const std::string& tag : names) {
    tag_question q{tag, std::nullopt};
    if (const auto at = known.find(tag); at != known.end() && !at->second.gone) {
      if (auto d = longshore::digest::parse(at->second.digest)) q.known = *std::move(d);
    }
    questions.push_back(std::move(q));
  }
  return questions;
}

std::vector<finding> findings(const known_tags& known, const listed_tags& listed, const tag_answers& answers,
                              std::uint64_t looked_from) {
  std::vector<finding> found;
  for (const auto& [tag, at_source] : answers) {
    const auto says = known.find(tag);
    if (says != known.end() && says->second.seq.value >= looked_from) continue;  // an event that is newer than the look
    if (at_source) {
      if (!is_live(known, tag) || says->second.digest != at_source->text()) found.push_back({tag, at_source->text()});
    } else if (is_live(known, tag) && !listed.contains(tag)) {
      found.push_back({tag, {}});
    }
  }
  return found;
}

bool has_vanished(const known_tags& known, const listed_tags& listed) {
  std::uint64_t live = 0, listed_still = 0;
  for (const auto& [tag, says] : known) {
    if (says.gone) continue;
    ++live;
    if (listed.contains(tag)) ++listed_still;
  }
  return 2 * listed_still < live;
}

std::set<std::string, std::less<>> due_for_digests(std::vector<checked_repository> all, timestamp now,
                                                   std::int64_t run_every_ms, std::int64_t check_every_ms) {
  std::set<std::string, std::less<>> due;
  if (check_every_ms <= 0) return due;
  std::ranges::sort(all, [](const checked_repository& a, const checked_repository& b) {
    return std::tie(a.digests_at, a.name) < std::tie(b.digests_at, b.name);
  });
  const auto every = static_cast<std::uint64_t>(std::clamp<std::int64_t>(run_every_ms, 1, check_every_ms));
  const auto of = static_cast<std::uint64_t>(check_every_ms);
  const std::uint64_t share = (all.size() * every + of - 1) / of;
  for (const checked_repository& r : all) {
    const bool overdue = now.us - r.digests_at.us >= check_every_ms * 1'000;
    if (!overdue && due.size() >= share) break;
    due.insert(r.name);
  }
  return due;
}

std::optional<std::int64_t> remaining_ms(timestamp started, timestamp now, std::uint64_t done, std::uint64_t of) {
  if (done == 0 || done > of || now <= started) return std::nullopt;
  const double each_ms = static_cast<double>(now.us - started.us) / 1e3 / static_cast<double>(done);
  return static_cast<std::int64_t>(each_ms * static_cast<double>(of - done));
}

}  // namespace longshore::engine
