#include "engine/target_survey.h"

#include <algorithm>

#include "engine/failure.h"
#include "engine/journal_records.h"
#include "engine/tasks.h"

namespace longshore::engine {
namespace {

// A survey is small requests, so that many may wait beside each other.
constexpr std::size_t looks_at_once = 8;

}  // namespace

task<tag_names> target_survey::list(std::string repository, std::size_t tags_max) {
  auto tags = co_await list_all_tags(world_->target, std::move(repository), tags_max);
  if (!tags && tags.error().code == errc::not_found) co_return tag_names();
  co_return tags;
}

task<std::optional<target_survey::sight>> target_survey::look_at(std::string repository, std::string ref) {
  auto root = co_await world_->target.get_manifest(repository, ref);
  if (!root && root.error().code == errc::not_found) co_return std::optional<sight>();
  if (!root) co_return pass(std::move(root), "reading " + repository + ":" + ref + " at the target");
  const longshore::digest d = root->digest;
  auto known = world_->where.holds(repository, d.text());
  if (!known) co_return pass(std::move(known));
  if (*known) co_return std::optional(sight{d, {}});
  if (is_index(root->media_type)) co_return std::optional(sight{d, *std::move(root)});
  auto recorded = co_await record_below(std::move(repository), *std::move(root));
  if (!recorded) co_return pass(std::move(recorded));
  co_return std::optional(sight{d, {}});
}

// A child that the source lacks, too, is no difference.
task<bool> target_survey::look_below(std::string repository, manifest_document index) {
  auto absent = co_await record_below(repository, std::move(index));
  if (!absent) co_return pass(std::move(absent));
  for (const longshore::digest& d : *absent) {
    auto shown = co_await world_->source.resolve(repository, d.text());
    if (!shown) co_return pass(std::move(shown), "asking the source for " + d.text());
    if (*shown) co_return false;
  }
  co_return true;
}

// Nothing when it was surveyed before.
task<> target_survey::look_at_all(std::string repository, std::set<std::string> refs, std::size_t tags_max) {
  auto surveyed = world_->where.survey_of(repository);
  if (!surveyed) co_return pass(std::move(surveyed));
  if (*surveyed) co_return result<void>();
  if (refs.size() > 1) {
    auto there = co_await list(repository, tags_max);
    if (!there) co_return pass(std::move(there));
    std::erase_if(refs,
                  [&](const std::string& ref) { return ref.find(':') == std::string::npos && !there->contains(ref); });
  }
  for (const std::string& ref : refs) {
    auto seen = co_await look_at(repository, ref);
    if (!seen) co_return pass(std::move(seen));
    if (!*seen || !(*seen)->index) continue;
    auto recorded = co_await record_below(repository, *std::move((*seen)->index));
    if (!recorded) co_return pass(std::move(recorded));
  }
  co_return result<void>();
}

// What one repository refuses, others may allow; a target that does not answer ends it.
task<> target_survey::look_elsewhere(std::map<std::string, std::set<std::string>> refs, std::size_t tags_max) {
  auto next = refs.begin();
  std::optional<error> failure;
  const auto worker = [&]() -> boost::asio::awaitable<void> {
    while (next != refs.end() && !failure) {
      auto& [repository, mine] = *next++;
      auto looked = co_await look_at_all(repository, std::move(mine), tags_max);
      if (!looked && is_passing(looked.error().code) && !failure) failure = std::move(looked).error();
    }
  };
  std::vector<boost::asio::awaitable<void>> workers;
  for (std::size_t i = 0; i < std::min(refs.size(), looks_at_once); ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (failure) co_return std::unexpected<error>(*std::move(failure));
  co_return result<void>();
}

void target_survey::put_aside(std::string repository, longshore::digest index) {
  aside_.emplace_back(std::move(repository), std::move(index));
}

task<> target_survey::below() {
  const auto indexes = std::exchange(aside_, {});
  std::size_t next = 0;
  std::optional<error> failure;
  const auto worker = [&]() -> boost::asio::awaitable<void> {
    while (next < indexes.size() && !failure) {
      const auto& [repository, d] = indexes[next++];
      auto seen = co_await look_at(repository, d.text());
      result<void> done = seen ? result<void>() : result<void>(pass(std::move(seen)));
      if (done && *seen && (*seen)->index) {
        auto recorded = co_await record_below(repository, *std::move((*seen)->index));
        if (!recorded) done = pass(std::move(recorded));
      }
      if (!done && !failure) failure = std::move(done).error();
    }
  };
  std::vector<boost::asio::awaitable<void>> workers;
  for (std::size_t i = 0; i < std::min(indexes.size(), looks_at_once); ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (failure) co_return std::unexpected<error>(*std::move(failure));
  co_return result<void>();
}

// False: it turned out not to be understood.
task<bool> target_survey::read_child(const std::string& repository, const longshore::digest& d, closure& of,
                                     digests& absent) {
  auto child = co_await world_->target.get_manifest(repository, d.text());
  if (child) co_return of.supply(*std::move(child)).has_value();
  const bool is_none = child.error().code == errc::not_found;
  if (of.may_be_blob(d)) {
    auto blob = co_await world_->target.stat_blob(repository, d);
    if (!blob) co_return pass(std::move(blob), "asking the target for " + d.text());
    // Distribution 2 answers 500 when a blob is asked for as a manifest.
    if (!*blob && !is_none) co_return pass(std::move(child), "reading " + d.text() + " at the target");
    if (!*blob) absent.insert(d);
    of.absent(d);
    co_return true;
  }
  if (!is_none) co_return pass(std::move(child), "reading " + d.text() + " of " + repository + " at the target");
  absent.insert(d);
  of.absent(d);
  co_return true;
}

// What is not there. A manifest that cannot be understood is not known to be whole: nothing is recorded of it.
task<target_survey::digests> target_survey::record_below(std::string repository, manifest_document root) {
  const std::uint64_t root_size = root.bytes.size();
  digests absent;
  auto c =
      closure::of(std::move(root), closure::subjects::leave, world_->copying.limits, chosen_entries(world_->copying));
  while (c) {
    const auto wanted = c->take_wanted();
    if (wanted.empty()) break;
    for (const longshore::digest& d : wanted) {
      auto known = world_->where.holds(repository, d.text());
      if (!known) co_return pass(std::move(known));
      if (*known) {
        c->held(d);
        continue;
      }
      auto understood = co_await read_child(repository, d, *c, absent);
      if (!understood) co_return pass(std::move(understood));
      if (!*understood) co_return absent;
    }
  }
  if (!c) co_return absent;
  const closure_plan plan = c->plan();
  std::vector<log::event> found;
  for (const manifest_reference& blob : plan.blobs) {
    if (absent.contains(blob.target.digest)) continue;
    found.push_back(record::located(repository, blob.target.digest, blob.target.size));
  }
  for (const manifest_document* m : plan.manifests) {
    // Indexes above a hole, or without what is not chosen, must not pass for whole; the images in them are.
    if (plan.sparse.contains(m->digest) || (!absent.empty() && is_index(m->media_type))) continue;
    const std::uint64_t size = m->digest == c->root().digest ? root_size : m->bytes.size();
    found.push_back(record::located(repository, m->digest, size));
  }
  auto written = co_await world_->where.record(std::move(found));
  if (!written) co_return pass(std::move(written));
  co_return absent;
}

}  // namespace longshore::engine
