#include "api/site_verdict.h"

#include <algorithm>

#include "api/spoken.h"
#include "engine/age.h"

namespace longshore::api {
namespace {

// Of a follower nothing may be heard for so long; it reports once a minute.
constexpr std::int64_t silent_us_max = 300'000'000;
constexpr std::size_t named_max = 10;  // of the followers that something is the matter with
// Requests that a registry did not serve: fewer, or for a shorter time, may be a moment's; and the last of them says
// nothing of now after two hours, in which whatever still fails was tried again.
constexpr std::uint64_t vain_min = 5;
constexpr std::int64_t vain_us_min = 60'000'000, vain_us_max = 7'200'000'000;
// What could not be understood, or was given up on, is shown for good, and is news for a day.
constexpr std::int64_t news_us_max = 86'400'000'000;

class judge {
 public:
  explicit judge(const judged_site& site) : site_(&site) {}

  site_verdict pronounce() {
    able();
    following();
    reaching();
    replicating();
    verifying();
    sources();
    followers();
    turned_away();
    if (site_->quarantined > 0 && is_within(news_us_max, site_->quarantined_at, site_->now)) {
      mind(counted(site_->quarantined, "notification", "notifications") + " could not be understood, the last at " +
           second_of(to_rfc3339(site_->quarantined_at)) + ": longshore status --quarantine");
    }
    for (const std::string& warning : site_->warnings) mind(warning);
    site_verdict said;
    said.state = !failing_.empty() ? site_state::failing : !minded_.empty() ? site_state::attention : site_state::well;
    said.to_do = std::move(failing_);
    std::ranges::move(minded_, std::back_inserter(said.to_do));
    return said;
  }

 private:
  void mind(std::string what) { minded_.push_back(std::move(what)); }
  void fails(std::string what) { failing_.push_back(std::move(what)); }

  void able() {
    if (!site_->facts.unable.empty()) fails("it is not ready: " + site_->facts.unable);
  }

  void following() {
    if (!site_->facts.following) return;
    using engine::follower_state;
    const engine::follower_status& f = *site_->facts.following;
    const std::string state(engine::name_of(f.state));
    const std::string why = f.reason.starts_with(state + ": ") ? f.reason.substr(state.size() + 2) : f.reason;
    switch (f.state) {
      case follower_state::connecting:
      case follower_state::following:
        return;
      case follower_state::away:
        return mind("the primary's log is not followed just now, it is tried again by itself: " + why);
      case follower_state::unauthorized:
      case follower_state::refused:
      case follower_state::halted:
        return fails("following: " + state + ": " + why);
    }
  }

  // Told first, as the cause of much else. It may be one item's fault, where nothing but that item is asked for: the
  // site goes on.
  void reaching() {
    for (const host_limits_view& r : site_->facts.registries) {
      const vain_requests& v = r.vain;
      if (v.in_a_row < vain_min || !is_within(vain_us_max, v.last, site_->now)) continue;
      if (is_within(vain_us_min, v.since, site_->now)) continue;
      mind((r.sections.empty() ? r.host : r.sections.front() + " " + r.host) + ": none of the last " +
           counted(v.in_a_row, "request") + " was served, since " + second_of(to_rfc3339(v.since)) +
           " (the last: " + v.why + "): longshore doctor says what can be reached");
    }
  }

  void replicating() {
    if (!site_->facts.replicating) return;
    const std::pair<const char*, const std::string&> parts[] = {{"replication", site_->facts.replicating->halted},
                                                                {"verification", site_->facts.verifying_halted}};
    for (const auto& [part, why] : parts) {
      if (!why.empty()) fails(std::string(part) + " goes on no more until the site is restarted: " + why);
    }
    const repository_counts& n = site_->counts;
    if (n.doubted.repositories > 0) {
      mind(
          "wrong bytes at the target in " + named(n.doubted) +
          ": longshore items --state failed names them; delete them from the registry's storage, then longshore verify "
          "until it finds nothing amiss");
    }
    if (n.differing.repositories > 0) {
      mind(
          "the target differs in " + named(n.differing) +
          ", as a verification left it: longshore status --state troubled says how; longshore verify mends what can be "
          "mended from here, and clears what is gone");
    }
    if (n.failing.repositories > 0) failing(n);
    if (n.parked > 0) mind("longshore items --state parked: what waits for you, and what to do");
    if (n.skipped_doubted > 0) {
      mind(counted(n.skipped_doubted, "repository that is left out has", "repositories that are left out have") +
           " wrong bytes at the target, from where others may be brought: longshore status --state skipped");
    }
  }

  void failing(const repository_counts& n) {
    const std::uint64_t count = n.failing.repositories;
    std::string said = counted(count, "repository is", "repositories are") + " not brought whole: ";
    if (count > 1) said += "for example ";
    said += n.failing.first;
    if (!n.failure.empty()) said += " (" + n.failure + ")";
    if (site_->facts.replicating->halted.empty()) said += "; tried again by itself";
    mind(said + ": longshore status --state troubled says which, why and when");
  }

  // What it is about: one by its name, several by their number and the first.
  static std::string named(const repository_counts::kind& k) {
    if (k.repositories == 1) return k.first;
    return counted(k.repositories, "repository", "repositories") + ", for example " + k.first;
  }

  void verifying() {
    const verifying_facts& v = site_->facts.verifying;
    if (v.not_compared > 0) {
      mind(counted(v.not_compared, "repository", "repositories") + " could not be compared when last verified: " +
           (v.not_compared > 1 ? "the first is " : "") + v.first_not_compared +
           (v.every_ms == 0 ? "; not tried again by itself (verify_every = 0): longshore verify does it"
            : site_->facts.verifying_halted.empty()
                ? "; tried again by itself once it was brought, or now by longshore verify"
                : "; longshore verify tries it again") +
           "; longshore verify --status lists them");
    }
    if (!v.broken_off.empty()) mind("the last verification ended before its end: " + v.broken_off);
  }

  void sources() {
    for (const engine::reconciler_status& r : site_->facts.reconciling) {
      if (!r.halted.empty()) fails(r.source + " is not reconciled until the site is restarted: " + r.halted);
      if (r.reconciled.suspected.empty()) continue;
      const std::string looks = !r.halted.empty()   ? "nothing looks until the site is restarted"
                                : r.running         ? "a look at the registry is running"
                                : r.next_at.us > 0  ? "it looks by itself at " + second_of(to_rfc3339(r.next_at))
                                : !r.queued.empty() ? "a look at the registry comes next"
                                                    : "nothing looks by itself";
      mind(r.source + ": events may be missing (" + r.reconciled.suspected + "): " + looks +
           "; longshore reconcile --digests --wait looks at every tag now");
    }
    if (site_->heard == nullptr) return;
    for (const source_stats& s : site_->heard->sources) {
      if (s.refused_in_a_row > 0 && is_turned_away_lately(s.refused_at, site_->now)) {
        fails(s.name + ": " + counted(s.refused_in_a_row, "notification", "notifications") +
              " refused in a row, the last because " + s.last_refusal);
      } else {
        given_up(s);
      }
      if (s.wrong_tokens_in_a_row > 0 && is_turned_away_lately(s.wrong_token_at, site_->now)) {
        mind(s.name + ": " + counted(s.wrong_tokens_in_a_row, "request", "requests") +
             " with a wrong token in a row: longshore doctor");
      }
    }
  }

  // A complete look at every tag that began after the last refusal finds whatever the registry gave up on. Where there
  // is no registry to look at, it is news for a day.
  void given_up(const source_stats& s) {
    if (s.refused_in_a_row < refusals_that_lose || s.refused_at > site_->now) return;
    const auto& looks = site_->facts.reconciling;
    const auto look = std::ranges::find(looks, s.name, &engine::reconciler_status::source);
    const bool is_over = look == looks.end() ? !is_within(news_us_max, s.refused_at, site_->now)
                                             : look->reconciled.digests_complete_from > s.refused_at;
    if (is_over) return;
    mind(s.name + ": " + with_commas(s.refused_in_a_row) + " notifications were refused in a row, the last at " +
         second_of(to_rfc3339(s.refused_at)) + ", and none came since: " +
         (look == looks.end() ? "with a [source.registry] a reconcile would find what they told of"
                              : "longshore reconcile --digests --wait finds what they told of"));
  }

  void turned_away() {
    if (site_->turned_away == nullptr) return;
    std::size_t found = 0;
    for (const auto& [name, of] : *site_->turned_away) {
      const bool nobodys = of.in_a_row > 0 && is_turned_away_lately(of.at, site_->now);
      const bool anothers = of.of_another > 0 && is_turned_away_lately(of.of_another_at, site_->now);
      if ((!nobodys && !anothers) || ++found > named_max) continue;
      if (nobodys) {
        mind(name + ": " + counted(of.in_a_row, "report", "reports") +
             " with a wrong token in a row: if they are this follower's, give it the token that [[follower]] has for "
             "it; anybody may send these, the log of this site says from where");
      }
      if (anothers) {
        mind(name + ": " + counted(of.of_another, "report", "reports") + " with the token of " + of.owner +
             " in a row: whichever of the two sends them, its [site] name and the name of its token in [[follower]] "
             "must be the same; the log of this site says from where");
      }
    }
    if (found > named_max) mind(counted(found - named_max, "more follower", "more followers") + " with a wrong token");
  }

  void followers() {
    std::size_t silent = 0, apart = 0;
    for (const site_report& s : site_->followers) {
      if (!s.refused.empty() && ++apart <= named_max) {
        mind(cannot_follow(s));
      }
      const bool heard = s.reported.us > 0;
      const timestamp since = heard ? s.reported : site_->facts.started;
      const std::int64_t silent_us = engine::age_us(since, site_->now);
      if (silent_us <= silent_us_max || ++silent > named_max) continue;
      const std::string time = time_of(static_cast<std::uint64_t>(silent_us / 1'000'000));
      mind(s.name + " has not been heard of " +
           (since > site_->now ? "since the clock was set back"
            : heard            ? "for " + time
                               : "since the start, " + time + " ago") +
           ": is it running? If it follows no more: longshore forget-site " + s.name);
    }
    if (apart > named_max) {
      mind(counted(apart - named_max, "more site cannot", "more sites cannot") + " follow: longshore status --sites");
    }
    silent += never_reported(silent);
    if (silent <= named_max) return;
    mind(counted(silent - named_max, "more site has", "more sites have") +
         " not been heard of: compare longshore status --sites with [[follower]]");
  }

  // What it leads to is hard to undo: whose directory is meant is said, and none is thrown away.
  static std::string cannot_follow(const site_report& s) {
    std::string said = s.name + " cannot follow: " + s.refused + ". ";
    if (s.compare_at == 0) {
      said += "One of the two logs is empty, there is nothing to compare";
    } else {
      said += "To compare, stop both sites and run longshore log verify DATA_DIR --size " +
              std::to_string(s.compare_at) +
              " at both. The same root over these first records: the shorter log is an older copy of the longer one. "
              "Different roots: two histories, one of another log, or one that was set back and went on since";
    }
    return said + ". If " + s.name +
           " belongs to another primary, correct its [primary] url, and nothing else. If the log of this site was set "
           "back, give this site its newer data_dir again. If it is the right "
           "one, put the data_dir of " +
           s.name + " aside (not this site's) and start " + s.name + " with an empty one: it begins anew";
  }

  // How many of those configured; they are named as long as there is room after the other silent ones.
  std::size_t never_reported(std::size_t silent) {
    if (engine::age_us(site_->facts.started, site_->now) <= silent_us_max) return 0;
    std::size_t found = 0;
    for (const std::string& name : site_->facts.followers) {
      if (std::ranges::find(site_->followers, name, &site_report::name) != site_->followers.end()) continue;
      if (silent + ++found > named_max) continue;
      mind(name +
           " is a configured follower and has never reported: is it running, and its token right? If it is no more, "
           "take it out of [[follower]]");
    }
    return found;
  }

  const judged_site* site_;
  std::vector<std::string> failing_, minded_;
};

}  // namespace

std::string_view name_of(site_state s) {
  switch (s) {
    case site_state::well:
      return "well";
    case site_state::attention:
      return "attention";
    case site_state::failing:
      return "failing";
  }
  return "?";
}

site_verdict verdict_of(const judged_site& site) { return judge(site).pronounce(); }

}  // namespace longshore::api
