#include "tools/target_claim.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <future>
#include <set>

#include "engine/journal_records.h"

namespace longshore::tools {
namespace {

// One record may change a row for each tag of its repository.
constexpr std::size_t records_at_once = 64;

result<void> append(log::appender& to, const std::string& site, std::vector<log::event> events) {
  for (log::event& e : events) e.origin = site;
  std::promise<result<void>> done;
  auto taken = to.submit(std::move(events), [&](const result<log::append_outcome>& outcome) {
    done.set_value(outcome ? result<void>() : std::unexpected(outcome.error()));
  });
  if (!taken) return taken;
  return done.get_future().get();
}

result<std::set<std::string>> known_repositories(const site_logs& logs) {
  std::set<std::string> names;
  auto wanted = logs.desired->repositories([&](const engine::desired_repository& r) {
    names.insert(r.name);
    return true;
  });
  if (!wanted) return pass(std::move(wanted));
  auto done = logs.actual->repositories([&](const engine::actual_repository& r) {
    names.insert(r.name);
    return true;
  });
  if (!done) return pass(std::move(done));
  return names;
}

// What is known of the old target's content is no failing of the new one.
result<std::vector<log::event>> forget(const site_logs& logs, const std::string& repository) {
  std::vector<log::event> records{engine::record::resync_at_new_target(repository)};
  for (const engine::doubt_of which : {engine::doubt_of::what_is_there, engine::doubt_of::what_is_gone}) {
    auto doubts = logs.actual->doubts(repository, which);
    if (!doubts) return pass(std::move(doubts));
    for (const std::string& d : *doubts) {
      if (auto content = digest::parse(d)) records.push_back(engine::record::content_believed(repository, *content));
    }
  }
  auto done = logs.actual->repository(repository);
  if (!done) return pass(std::move(done));
  if (*done && (*done)->amiss > 0) records.push_back(engine::record::repository_amiss(repository, 0, {}));
  return records;
}

result<void> begin_anew(const site_logs& logs, log::appender& journal, const std::string& site,
                        const std::string& before, const std::string& authority) {
  if (auto begun = append(journal, site, {engine::record::target_renewing(authority)}); !begun) return begun;
  auto left = logs.uploads->list(SIZE_MAX);
  if (!left) return pass(std::move(left));
  auto names = known_repositories(logs);
  if (!names) return pass(std::move(names));
  spdlog::warn(
      "begins anew at the target registry {}: what was noted of {} is forgotten (repositories: {}, upload sessions: "
      "{}); "
      "every repository is compared anew, and what the target lacks is brought",
      authority, before.empty() || before == authority ? std::string("it") : before, names->size(), left->size());
  std::vector<log::event> records;
  for (const engine::open_upload& u : *left) records.push_back(engine::record::upload_closed(u.repository, u.digest));
  for (const std::string& name : *names) {
    auto more = forget(logs, name);
    if (!more) return pass(std::move(more));
    std::ranges::move(*more, std::back_inserter(records));
    if (records.size() < records_at_once) continue;
    if (auto written = append(journal, site, std::exchange(records, {})); !written) return written;
  }
  return records.empty() ? result<void>() : append(journal, site, std::move(records));
}

}  // namespace

result<void> claim_target(const site_logs& logs, log::appender& journal, const std::string& site,
                          const std::string& authority, target_trust trust) {
  auto known = logs.target->authority();
  if (!known) return pass(std::move(known));
  auto renewing = logs.target->renewing();
  if (!renewing) return pass(std::move(renewing));
  const std::string before = known->value_or("");
  const bool renews = trust == target_trust::renewed || *renewing == authority;
  if (!renews && before == authority && !*renewing) return {};
  if (!renews && !before.empty() && before != authority) {
    return fail(errc::conflict, "this site's journal is of the target registry " + before +
                                    ", and [target_registry] url is " + authority +
                                    " now: what was brought there is not known to be here. Run `longshore serve " +
                                    "--new-target` once: everything is then compared with " + authority +
                                    " and what it lacks is brought; or give the address of " + before + " again");
  }
  if (renews) {
    if (auto anew = begin_anew(logs, journal, site, before, authority); !anew) return anew;
  }
  return append(journal, site, {engine::record::target_named(authority)});
}

}  // namespace longshore::tools
