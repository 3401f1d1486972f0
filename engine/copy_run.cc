#include "engine/copy_run.h"

#include <algorithm>

#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/publication.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

bool is_digest(const std::string& ref) { return ref.find(':') != std::string::npos; }

bool is_away(errc code) { return code == errc::unavailable || code == errc::timed_out; }

}  // namespace

// What is left when the run must end early is told, too: nobody shall believe that it was looked at.
template <class Each>
asio::awaitable<void> copy_run::each_of(items work, Each body) {
  const auto worker = [&]() -> asio::awaitable<void> {
    while (!work.empty()) {
      copy_item item = std::move(work.front());
      work.pop_front();
      if (stopping_) {
        fail_item(std::move(item), interrupted());
      } else if (must_end()) {
        fail_item(std::move(item), {host_failure_->code, "not begun: " + host_failure_->text});
      } else {
        co_await body(std::move(item));
      }
    }
  };
  std::vector<asio::awaitable<void>> workers;
  const std::size_t count = std::min(work.size(), std::max<std::size_t>(options_.items_at_once, 1));
  for (std::size_t i = 0; i < count; ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
}

asio::awaitable<copy_figures> copy_run::run(std::vector<copy_route> routes) {
  const std::map<std::string, copy_route> by_name = merged(std::move(routes));
  figures_.repositories = by_name.size();
  items repositories;
  for (const auto& [name, route] : by_name) repositories.push_back({name, {}});
  co_await each_of(std::move(repositories), [&](copy_item item) { return look_at(by_name.at(item.repository)); });
  co_await compare_and_bring();
  if (!followers_.empty()) {
    if (auto taken = co_await take_followers(); !taken) {
      for (copy_item& item : std::exchange(followers_, {})) fail_item(std::move(item), taken.error());
    }
    co_await compare_and_bring();
  }
  co_await remove_gone();
  co_return figures_;
}

asio::awaitable<void> copy_run::compare_and_bring() {
  co_await each_of(dealt(std::exchange(in_both_, {})), [&](copy_item item) { return compare(std::move(item)); });
  if (!missing_.empty() && !must_end()) {
    // Should that fail, the copy path looks at each thing itself.
    if (auto learnt = co_await survey_.below(); !learnt) host_failure_ = std::move(learnt).error();
    co_await look_for_mounts();
  }
  co_await each_of(dealt(std::exchange(missing_, {})), [&](copy_item item) { return bring(std::move(item)); });
}

// A target often has the same images under the names of the source already. A look that fails costs a mount, no more:
// whether the target answers shows when it is written to.
asio::awaitable<void> copy_run::look_for_mounts() {
  std::map<std::string, std::set<std::string>> wanted;
  for (const copy_item& item : missing_) {
    std::string name = world_->source.repository_read(item.repository);
    if (options_.names_may_match && name != item.repository) wanted[std::move(name)].insert(item.ref.source);
  }
  const auto looked = co_await survey_.look_elsewhere(std::move(wanted), options_.tags_max);
  static_cast<void>(looked);
}

// Those whose subject the target has now go the way of all others.
task<> copy_run::take_followers() {
  if (auto learnt = co_await survey_.below(); !learnt) co_return learnt;
  items taken;
  for (copy_item& item : followers_) {
    const std::string subject = *accessory_subject(item.ref.source);
    auto there = world_->where.holds(item.repository, subject);
    if (!there) co_return pass(std::move(there));
    if (*there) {
      taken.push_back(std::move(item));
    } else {
      end({std::move(item), copy_end::skipped, {}, "follows " + subject + ", which is not taken", {}, {}});
    }
  }
  followers_.clear();
  in_both_ = std::move(taken);
  co_return result<void>();
}

asio::awaitable<void> copy_run::look_at(copy_route route) {
  for (int tries = 1;; ++tries) {
    result<void> done;
    auto refs = co_await refs_of(route);
    done = refs ? result<void>() : result<void>(pass(std::move(refs)));
    if (done && options_.removal.on && route.takes_all_tags()) {
      tag_names at_source;  // under the target's names
      for (const copy_ref& ref : *refs) at_source.insert(ref.target);
      done = co_await removal_.weigh(route.repository, std::move(at_source));
    }
    if (done) done = co_await sort_out(route, *std::move(refs));
    if (done) break;
    if (!co_await tries_again(done.error(), tries)) {
      fail_item({route.repository, {}}, std::move(done).error());
      break;
    }
  }
  ++figures_.repositories_listed;
}

// The source's own words name the repository as the source has it; ours would be the target's.
task<tag_names> copy_run::tags_at_source(const copy_route& route) {
  registry& source = world_->source;
  std::optional<error> refused;
  const auto page_after = [&](std::optional<std::string> next) -> task<tag_page> {
    auto page = co_await source.list_tags(route.repository, std::move(next));
    if (!page) refused = page.error();
    co_return page;
  };
  auto tags = co_await list_all(page_after, "the tags that " + source.name() + " has for " + route.repository,
                                options_.tags_max);
  if (tags || !refused) co_return tags;
  if (!refused->text.starts_with(source.name())) refused->text = source.name() + ": " + refused->text;
  co_return std::unexpected(*std::move(refused));
}

task<std::vector<copy_ref>> copy_run::refs_of(const copy_route& route) {
  if (!route.takes_all_tags()) co_return route.refs;
  auto tags = co_await tags_at_source(route);
  if (!tags) co_return pass(std::move(tags));
  // What was named for a tag by itself goes before what merely has its name.
  tag_names named;
  for (const copy_ref& ref : route.refs) {
    if (is_digest(ref.source) || !world_->copying.filter->tag(ref.source)) named.insert(ref.target);
  }
  std::vector<copy_ref> refs = route.refs;
  for (const std::string& tag : *tags) {
    if (!named.contains(tag)) refs.push_back({tag, tag});
  }
  co_return refs;
}

result<bool> copy_run::is_known(const copy_item& item) const {
  if (taken_by_another(item)) return true;
  if (!options_.published) return false;
  auto known = options_.published(item.repository, item.ref.target);
  if (!known) return pass(std::move(known));
  return known->has_value();
}

// Into those that the target has too and those it has not. What earlier runs published counts as had. Nothing is
// counted before everything is known, since a failure leads to another try.
task<> copy_run::sort_out(const copy_route& route, std::vector<copy_ref> refs) {
  std::vector<std::pair<copy_item, std::string>> skipped;
  items known, unknown, following, doubled;
  std::set<std::string> named;
  const replication_filter& filter = *world_->copying.filter;
  for (copy_ref& ref : refs) {
    copy_item item{route.repository, std::move(ref)};
    const auto rule = is_digest(item.ref.source) ? std::nullopt : filter.tag(item.ref.source);
    if (rule) {
      skipped.emplace_back(std::move(item), *rule);
      continue;
    }
    if (!named.insert(item.ref.target).second) {
      doubled.push_back(std::move(item));
      continue;
    }
    if (filter.judges_tags() && !is_digest(item.ref.source) && accessory_subject(item.ref.source)) {
      following.push_back(std::move(item));
      continue;
    }
    auto had = is_known(item);
    if (!had) co_return pass(std::move(had));
    (*had ? known : unknown).push_back(std::move(item));
  }
  const bool ask_each = !route.takes_all_tags() && unknown.size() <= options_.listed_from_refs;
  tag_names there;
  if (!unknown.empty() && !ask_each) {
    auto listed = co_await survey_.list(route.repository, options_.tags_max);
    if (!listed) co_return pass(std::move(listed));
    there = *std::move(listed);
    std::vector<log::event> seen{record::surveyed(route.repository, there.size())};
    if (auto written = co_await world_->where.record(std::move(seen)); !written) co_return written;
  }
  figures_.items += skipped.size() + known.size() + unknown.size() + following.size() + doubled.size();
  std::ranges::move(following, std::back_inserter(followers_));
  for (auto& [item, rule] : skipped) end({std::move(item), copy_end::skipped, {}, std::move(rule), {}, {}});
  for (copy_item& item : doubled) {
    std::string why = "another tag of the source is to be " + item.ref.target + " there, too: name one of them";
    fail_item(std::move(item), {errc::rejected, std::move(why)});
  }
  for (copy_item& item : known) in_both_.push_back(std::move(item));
  for (copy_item& item : unknown) {
    const bool both = ask_each || is_digest(item.ref.target) || there.contains(item.ref.target);
    (both ? in_both_ : missing_).push_back(std::move(item));
  }
  co_return result<void>();
}

asio::awaitable<void> copy_run::bring(copy_item item) {
  const auto place = running_.insert(running_.end(), {item, {}});
  for (int tries = 1;; ++tries) {
    std::string rule;
    const sync_progress earlier = place->moved;
    auto digest = co_await publish(item, place->moved, rule);
    place->moved.count_once(earlier);
    if (digest) {
      host_failures_ = 0;
      const copy_end how = *digest ? copy_end::copied : copy_end::skipped;
      end({item, how, digest->value_or(""), std::move(rule), place->moved, {}});
      break;
    }
    if (!co_await tries_again(digest.error(), tries)) {
      fail_item(item, std::move(digest).error(), place->moved);
      break;
    }
  }
  running_.erase(place);
}

task<std::optional<std::string>> copy_run::publish(const copy_item& item, sync_progress& moved, std::string& rule) {
  auto document = co_await world_->source.get_manifest(item.repository, item.ref.source);
  if (!document) co_return pass(std::move(document), "reading it at the source");
  const longshore::digest d = document->digest;
  if (auto out = left_out_by_type(world_->copying, *document)) {
    rule = *std::move(out);
    co_return std::optional<std::string>();
  }
  desired_item wanted;
  wanted.repository = item.repository;
  wanted.ref = item.ref.target;
  wanted.is_tag = !is_digest(item.ref.target);
  wanted.digest = d.text();
  wanted.media_type = document->media_type;
  if (!wanted.is_tag && wanted.ref != d.text()) {
    co_return fail(errc::conflict,
                   "the source has " + d.text() + " there, which cannot be published as another digest");
  }
  publication images(*world_, item.repository, moved);
  manifest_claims claims(*world_->claims);
  auto facts = co_await images.publish(wanted, *std::move(document), publication::tag_check::none, claims);
  if (!facts) co_return pass(std::move(facts));
  // A sparse index is not what the source has: another run with wider platforms must look at it again.
  if (!images.take_sparse(d)) facts->push_back(record::published(wanted, d));
  if (auto written = co_await world_->where.record(*std::move(facts)); !written) co_return pass(std::move(written));
  for (const auto& [referrer, why] : images.refused_referrers()) fail_referrer(item.repository, referrer, why);
  ++moved.published;
  co_return std::optional(d.text());
}

// The image is there without it, which nobody would learn of otherwise. Tags of one digest share their referrers.
void copy_run::fail_referrer(const std::string& repository, const longshore::digest& d, const error& why) {
  if (!referrers_failed_.emplace(repository, d.text()).second) return;
  ++figures_.items;
  fail_item({repository, {d.text(), d.text()}}, {why.code, "it refers to an image that was copied: " + why.text});
}

asio::awaitable<void> copy_run::remove_gone() {
  for (const std::string& repository : removal_.repositories()) {
    if (must_end()) removal_.hold(repository, "the copy was not finished, so that nothing is deleted there");
    for (int tries = 1;; ++tries) {
      auto done = co_await removal_.remove(repository);
      if (done) break;
      if (!co_await tries_again(done.error(), tries)) {
        removal_.give_up(repository, is_interrupted(done.error()) ? interrupted() : std::move(done).error());
        break;
      }
    }
  }
}

void copy_run::removed(removal_end e) {
  const copy_end how = e.why ? copy_end::not_deleted : copy_end::deleted;
  (e.why ? figures_.not_deleted : e.note.empty() ? figures_.deleted : figures_.deleted_by_name) += e.tags;
  const copy_ref ref{e.tag, e.tag};
  told_({{std::move(e.repository), ref}, how, std::move(e.digest), {}, {}, std::move(e.why), std::move(e.note)});
}

// That it was given up in the midst of something says nothing of that something.
bool copy_run::is_interrupted(const error& why) const {
  return stopping_ && (why.code == errc::stopped || is_passing(why.code));
}

void copy_run::fail_item(copy_item item, error why, sync_progress moved) {
  if (is_away(why.code)) {
    ++host_failures_;
    host_failure_ = why;
  }
  if (item.ref.source.empty()) ++figures_.items;  // a repository of which no more is known
  if (is_interrupted(why)) return end({std::move(item), copy_end::interrupted, {}, {}, moved, interrupted()});
  moved.failed = 1;
  end({std::move(item), copy_end::failed, {}, {}, moved, std::move(why)});
}

void copy_run::end(copy_outcome outcome) {
  if (outcome.end == copy_end::failed || outcome.end == copy_end::interrupted) {
    removal_.hold(outcome.item.repository, "not all was copied there, so that nothing is deleted");
  }
  figures_.count(outcome);
  told_(outcome);
}

// Resumes when it is time to.
asio::awaitable<bool> copy_run::tries_again(error why, int tries) {
  const bool may_pass = is_passing(why.code) || why.code == errc::corrupt || why.code == errc::conflict;
  if (must_end() || tries >= options_.tries_max || !may_pass) co_return false;
  const std::int64_t wait = std::max(options_.first_pause_ms << (tries - 1), why.retry_after_ms);
  if (auto paused = co_await pause_->pause(wait); !paused) stopping_ = true;
  co_return true;
}

}  // namespace longshore::engine
