// Which repositories a run looks at, and in which order.

#include <algorithm>

#include "engine/failure.h"
#include "engine/reconcile_run.h"
#include "engine/reference.h"

namespace longshore::engine {
namespace {

constexpr std::size_t recent_max = 1'000;

// The registry has no catalog, or none for us: what the log knows must do.
bool is_refusal(errc code) {
  return code == errc::unauthorized || code == errc::denied || code == errc::unsupported || code == errc::not_found ||
         code == errc::rejected;
}

}  // namespace

task<reconcile_run::names> reconcile_run::plan() {
  if (!request_.repositories.empty()) {
    names_from_ = "the request";
    co_return in_order({request_.repositories.begin(), request_.repositories.end()});
  }
  const names& configured = world_->settings.repositories;
  if (!configured.empty()) {
    names_from_ = "the configuration";
    std::set<std::string> all{configured.begin(), configured.end()};
    shown_ = all;
    add_asked(all);
    co_return in_order(std::move(all));
  }
  co_return co_await plan_from_catalog();
}

void reconcile_run::add_asked(std::set<std::string>& to) const {
  to.insert(request_.named.begin(), request_.named.end());
  to.insert(request_.besides.begin(), request_.besides.end());
}

task<reconcile_run::names> reconcile_run::plan_from_catalog() {
  source_reader reader(*world_, pace_);
  auto catalog = co_await reader.repositories();
  record_.counts.requests += reader.requests();
  std::set<std::string> all;
  if (catalog) {
    for (const std::string& name : *catalog) {
      if (is_repository_name(name)) all.insert(name);
    }
    names_from_ = "the catalog";
    shown_ = all;
  } else if (is_refusal(catalog.error().code)) {
    record_.catalog_refused = describe(catalog.error());
    names_from_ = "the log";
  } else if (catalog.error().code == errc::stopped) {
    co_return pass(std::move(catalog));
  } else {
    broken_ = std::move(catalog).error();
    co_return names();
  }
  add_asked(all);
  auto besides = known_to_log(all);
  if (!besides) co_return pass(std::move(besides));
  if (catalog) unlisted_.insert(besides->begin(), besides->end());
  all.insert(besides->begin(), besides->end());
  co_return in_order(std::move(all));
}

// Repositories with tags that the log knows and the catalog does not: gone as a whole, or in no catalog.
result<reconcile_run::names> reconcile_run::known_to_log(const std::set<std::string>& besides) const {
  names found;
  result<void> looked;
  auto read = world_->wanted.repositories([&](const desired_repository& r) {
    if (besides.contains(r.name)) return true;
    auto ours = is_of_this_source(r.name);
    if (!ours) looked = pass(std::move(ours));
    if (!looked) return false;
    if (!*ours) return true;
    auto live = is_known(r.name);
    if (!live) looked = pass(std::move(live));
    if (live && *live) found.push_back(r.name);
    return looked.has_value();
  });
  if (!read) return pass(std::move(read));
  if (!looked) return pass(std::move(looked));
  return found;
}

// No other source could have it, or this one lists it, or had it when it was looked at.
result<bool> reconcile_run::is_of_this_source(const std::string& name) const {
  if (shown_.contains(name)) return true;
  return is_on_record(name);
}

// Where other sources have registries, too, it is remembered whose a repository was, for when nobody lists it any more.
result<bool> reconcile_run::is_on_record(const std::string& name) const {
  if (world_->settings.sole) return true;
  auto row = world_->looked.repository(world_->name, name);
  if (!row) return pass(std::move(row));
  return row->has_value();
}

// Its log has a tag there.
result<bool> reconcile_run::is_known(const std::string& name) const {
  bool live = false;
  auto read = world_->wanted.items(name, [&](const desired_item& item) {
    live = item.is_tag && !item.gone;
    return item.is_tag && !live;
  });
  if (!read) return pass(std::move(read));
  return live;
}

// By name, so that a name is a position; before them the recent ones, when they are to come first.
result<reconcile_run::names> reconcile_run::in_order(std::set<std::string> all) {
  names first;
  if (request_.recent_first) {
    std::vector<std::pair<std::int64_t, std::string>> seen;
    auto read = world_->wanted.repositories([&](const desired_repository& r) {
      if (all.contains(r.name)) seen.emplace_back(-r.last_seen.us, r.name);
      return true;
    });
    if (!read) return pass(std::move(read));
    const std::size_t count = std::min(seen.size(), recent_max);
    std::partial_sort(seen.begin(), seen.begin() + static_cast<std::ptrdiff_t>(count), seen.end());
    for (std::size_t i = 0; i < count; ++i) {
      all.erase(seen[i].second);
      first.push_back(std::move(seen[i].second));
    }
  }
  if (resumed_) {
    // Those that left a record were looked at, too, wherever in the order they came.
    const auto is_done = [&](const std::string& name) -> result<bool> {
      auto row = world_->looked.repository(world_->name, name);
      if (!row) return pass(std::move(row));
      return *row && (*row)->run == record_.run;
    };
    names left;
    for (std::string& name : first) {
      auto done = is_done(name);
      if (!done) return pass(std::move(done));
      if (!*done) left.push_back(std::move(name));
    }
    first = std::move(left);
    for (auto at = all.begin(); at != all.end();) {
      auto done = *at <= record_.through ? result<bool>(true) : is_done(*at);
      if (!done) return pass(std::move(done));
      at = *done ? all.erase(at) : std::next(at);
    }
  }
  recent_ = first.size();
  first.insert(first.end(), all.begin(), all.end());
  return first;
}

}  // namespace longshore::engine
