#include "engine/copy_removal.h"

#include <algorithm>

#include "engine/decisions.h"
#include "engine/failure.h"
#include "engine/journal_records.h"

namespace longshore::engine {
namespace {

std::string percent(double share) { return std::to_string(static_cast<int>(share * 100 + 0.5)) + "%"; }

}  // namespace

std::optional<std::string> reason_to_keep(const longshore::digest& d, const std::vector<tag_content>& contents,
                                          const tag_names& doomed, bool source_has_manifest) {
  for (const tag_content& other : contents) {
    // A doomed tag at the same manifest goes with it; an index above it must have gone before.
    if (!other.needs(d) || (other.digest == d && doomed.contains(other.tag))) continue;
    return "the target deletes tags only together with their manifest, and its tag " + other.tag +
           (other.digest == d ? " has " : " includes ") + d.text() + " too";
  }
  if (source_has_manifest) {
    return "the target deletes tags only together with their manifest, and the source still serves " + d.text();
  }
  return std::nullopt;
}

// Of the target as it is before the copy: tags that are about to arrive must not make the share look smaller.
task<> copy_removal::weigh(std::string repository, tag_names at_source) {
  auto there = co_await list_all_tags(world_->target, repository, options_.tags_max);
  if (!there && there.error().code == errc::not_found) co_return result<void>();
  if (!there) co_return pass(std::move(there));
  const replication_filter& filter = *world_->copying.filter;
  gone_tags g;
  g.source_is_empty = at_source.empty();
  if (const auto held = options_.held.find(repository); held != options_.held.end()) g.held = held->second;
  for (const std::string& tag : *there) {
    if (filter.tag(tag) || (filter.judges_tags() && accessory_subject(tag))) continue;
    ++g.of;
    if (!at_source.contains(tag)) g.tags.insert(tag);
  }
  if (!g.tags.empty()) gone_.insert_or_assign(std::move(repository), std::move(g));
  co_return result<void>();
}

void copy_removal::hold(const std::string& repository, std::string why) {
  const auto found = gone_.find(repository);
  if (found != gone_.end() && found->second.held.empty()) found->second.held = std::move(why);
}

std::vector<std::string> copy_removal::repositories() const {
  std::vector<std::string> names;
  for (const auto& [name, g] : gone_) names.push_back(name);
  return names;
}

std::optional<error> copy_removal::reason_to_hold(const gone_tags& g) const {
  if (g.source_is_empty) {
    return error{errc::conflict, "the source lists no tags at all there, which is no reason to delete all of them"};
  }
  if (!g.held.empty()) return error{errc::conflict, g.held};
  if (!is_over(g.tags.size(), g.of, {options_.share_max, 0})) return std::nullopt;
  return error{errc::conflict, "would delete " + std::to_string(g.tags.size()) + " of " + std::to_string(g.of) +
                                   " tags, more than " + percent(options_.share_max) +
                                   "; if that is right, raise --delete-max-share"};
}

task<> copy_removal::remove(std::string repository) {
  gone_tags& g = gone_.at(repository);
  if (!g.confirmed) {
    if (auto why = reason_to_hold(g)) {
      give_up(repository, *std::move(why));
      co_return result<void>();
    }
    if (auto done = co_await confirm(repository, g); !done) co_return done;
  }
  if (by_name_ && !options_.dry_run) {
    if (auto done = co_await remove_by_name(repository, g); !done) co_return done;
  }
  if (g.tags.empty()) co_return result<void>();
  co_return co_await remove_by_digest(repository, g);
}

void copy_removal::give_up(const std::string& repository, error why) {
  gone_tags& g = gone_.at(repository);
  if (!g.tags.empty()) told_({repository, {}, g.tags.size(), {}, {}, std::move(why)});
  g.tags.clear();
}

// The copy took its time since the listing, and a listing may be stale: each tag's own answer counts as well. All of
// them before the first deletion, since one by digest takes all tags of its manifest along.
task<> copy_removal::confirm(const std::string& repository, gone_tags& g) {
  for (const std::string& tag : tag_names(g.tags)) {
    auto shown = co_await world_->source.resolve(repository, tag);
    if (!shown) co_return pass(std::move(shown), "asking the source for " + tag + " before deleting it");
    if (!*shown) continue;
    settle(g, {repository, tag, 1, {}, {}, error{errc::conflict, "the source did not list it, and serves it"}});
  }
  g.confirmed = true;
  co_return result<void>();
}

task<> copy_removal::remove_by_name(const std::string& repository, gone_tags& g) {
  for (const std::string& tag : tag_names(g.tags)) {
    if (auto noted = co_await forget(repository, tag, std::nullopt); !noted) co_return noted;
    auto erased = co_await world_->target.delete_tag(repository, tag);
    if (erased || erased.error().code == errc::not_found) {
      settle(g, {repository, tag, 1, {}, {}, {}});
      continue;
    }
    if (!is_refused(erased.error().code)) co_return pass(std::move(erased), "deleting " + tag);
    if (erased.error().code == errc::unsupported) {
      by_name_ = false;
      break;
    }
  }
  co_return result<void>();
}

// A plan cannot know what its target is able to do without deleting something: it tells what would be in the way.
task<> copy_removal::remove_by_digest(const std::string& repository, gone_tags& g) {
  auto read = co_await read_tag_contents(world_->target, repository, options_.tags_max, world_->copying.limits);
  if (!read && read.error().code == errc::not_found) read = std::vector<tag_content>();
  if (!read) co_return pass(std::move(read), "making sure that deletions harm nothing");
  std::vector<tag_content> contents = *std::move(read), work;
  const tag_names doomed = g.tags;
  for (const std::string& tag : doomed) {
    const auto at = std::ranges::find(contents, tag, &tag_content::tag);
    if (at != contents.end()) {
      work.push_back(*at);
    } else {
      if (auto noted = co_await forget(repository, tag, std::nullopt); !noted) co_return noted;
      settle(g, {repository, tag, 1, {}, {}, {}});
    }
  }
  // An index goes before what it includes, which includes less.
  std::ranges::sort(work, std::ranges::greater(), [](const tag_content& t) { return t.includes.size(); });
  for (const tag_content& t : work) {
    const longshore::digest& d = t.digest;
    removal_end end{repository, t.tag, 1, d.text(), {}, {}};
    if (std::ranges::find(contents, t.tag, &tag_content::tag) != contents.end()) {
      auto at_source = co_await world_->source.resolve(repository, d.text());
      if (!at_source) co_return pass(std::move(at_source), "asking the source for " + d.text());
      auto reason = reason_to_keep(d, contents, doomed, at_source->has_value());
      if (reason && options_.dry_run && options_.deletes_by_name) {
        // Nothing is in the way.
      } else if (reason && options_.dry_run) {
        end.note = "only if the target deletes tags by name; else: " + *reason;
      } else if (reason) {
        end.why = error{errc::unsupported, *std::move(reason)};
      } else if (!options_.dry_run) {
        auto erased = co_await erase_manifest(repository, t);
        if (!erased) co_return pass(std::move(erased));
        end.why = *std::move(erased);
      }
      if (!end.why && !reason) std::erase_if(contents, [&](const tag_content& c) { return c.digest == d; });
    } else if (auto noted = co_await forget(repository, t.tag, std::nullopt); !noted) {
      co_return noted;
    }
    settle(g, std::move(end));
  }
  co_return result<void>();
}

// Nothing, or why this one stays.
task<std::optional<error>> copy_removal::erase_manifest(const std::string& repository, const tag_content& of) {
  if (auto noted = co_await forget(repository, of.tag, of.digest); !noted) co_return pass(std::move(noted));
  auto erased = co_await world_->target.delete_manifest(repository, of.digest);
  if (erased || erased.error().code == errc::not_found) co_return std::optional<error>();
  if (!is_refused(erased.error().code)) co_return pass(std::move(erased), "deleting " + of.digest.text());
  co_return std::optional(error{errc::unsupported, "the target refuses the deletion (" + erased.error().text + ")"});
}

// Before it is done: an answer that is lost, or a crash, must not leave the state believing in it.
task<> copy_removal::forget(const std::string& repository, const std::string& tag, std::optional<longshore::digest> d) {
  if (options_.dry_run) co_return result<void>();
  desired_item item;
  item.repository = repository;
  item.ref = tag;
  item.is_tag = true;
  std::vector<log::event> facts{record::removed(item)};
  if (d) facts.push_back(record::lost(repository, *d));
  co_return co_await world_->where.record(std::move(facts));
}

void copy_removal::settle(gone_tags& g, removal_end end) {
  g.tags.erase(end.tag);
  told_(std::move(end));
}

}  // namespace longshore::engine
