#include "engine/target_survey.h"

#include <algorithm>

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

task<std::optional<longshore::digest>> target_survey::look_at(std::string repository, std::string ref) {
  return take(std::move(repository), std::move(ref), aside::put);
}

task<> target_survey::below() {
  const auto indexes = std::exchange(aside_, {});
  std::size_t next = 0;
  std::optional<error> failure;
  const auto worker = [&]() -> boost::asio::awaitable<void> {
    while (next < indexes.size() && !failure) {
      const auto& [repository, d] = indexes[next++];
      auto seen = co_await take(repository, d.text(), aside::none);
      if (!seen && !failure) failure = std::move(seen).error();
    }
  };
  std::vector<boost::asio::awaitable<void>> workers;
  for (std::size_t i = 0; i < std::min(indexes.size(), looks_at_once); ++i) workers.push_back(worker());
  co_await run_all(std::move(workers));
  if (failure) co_return std::unexpected<error>(*std::move(failure));
  co_return result<void>();
}

task<std::optional<longshore::digest>> target_survey::take(std::string repository, std::string ref, aside indexes) {
  auto root = co_await world_->target.get_manifest(repository, ref);
  if (!root && root.error().code == errc::not_found) co_return std::optional<longshore::digest>();
  if (!root) co_return pass(std::move(root), "reading " + repository + ":" + ref + " at the target");
  const longshore::digest d = root->digest;
  auto known = world_->where.holds(repository, d.text());
  if (!known) co_return pass(std::move(known));
  if (*known) co_return std::optional(d);
  if (indexes == aside::put && is_index(root->media_type)) {
    aside_.emplace_back(std::move(repository), d);
    co_return std::optional(d);
  }
  if (auto recorded = co_await record_below(repository, *std::move(root)); !recorded) {
    co_return pass(std::move(recorded));
  }
  co_return std::optional(d);
}

// A manifest that cannot be understood is not known to be whole: nothing is recorded of it.
task<> target_survey::record_below(const std::string& repository, manifest_document root) {
  const std::uint64_t root_size = root.bytes.size();
  auto c = closure::of(std::move(root), closure::subjects::leave, world_->copying.limits);
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
      auto child = co_await world_->target.get_manifest(repository, d.text());
      if (child) {
        if (auto taken = c->supply(*std::move(child)); !taken) co_return result<void>();
      } else if (child.error().code == errc::not_found) {
        c->absent(d);
      } else {
        co_return pass(std::move(child), "reading " + d.text() + " of " + repository + " at the target");
      }
    }
  }
  if (!c) co_return result<void>();
  const closure_plan plan = c->plan();
  if (!plan.absent.empty()) co_return result<void>();  // not whole: let the copy path look at each thing
  std::vector<log::event> found;
  for (const manifest_reference& blob : plan.blobs) {
    found.push_back(record::located(repository, blob.target.digest, blob.target.size));
  }
  for (const manifest_document* m : plan.manifests) {
    const std::uint64_t size = m->digest == c->root().digest ? root_size : m->bytes.size();
    found.push_back(record::located(repository, m->digest, size));
  }
  co_return co_await world_->where.record(std::move(found));
}

}  // namespace longshore::engine
