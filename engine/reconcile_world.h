#pragma once

// What looking at a source works with. Everything here outlives whoever holds it.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/backoff.h"
#include "engine/desired.h"
#include "engine/journal.h"
#include "engine/pauses.h"
#include "engine/reconciled.h"
#include "engine/registry.h"
#include "log/appender.h"
#include "log/event_log.h"

namespace longshore::engine {

struct reconcile_settings {
  std::vector<std::string> repositories;    // to look at; empty: the source's catalog
  std::vector<std::string> immutable_tags;  // globs
  std::size_t repositories_at_once = 4;
  std::size_t tags_at_once = 4;  // in one repository
  double requests_per_second = 50;
  std::int64_t every_ms = 3'600'000;  // 0: on demand and on hints only
  std::int64_t digest_check_every_ms = 86'400'000;
  bool on_hint = true;
  // No other source has a registry: what the log knows and this one does not list is to be looked for here.
  bool sole = true;
  backoff_policy patience{500, 30'000, 120'000};       // with one request
  backoff_policy backoff{10'000, 600'000, 3'600'000};  // with a run that broke off
  std::int64_t hint_gap_ms = 300'000;                  // between the starts of runs that hints ask for
  std::int64_t stop_deadline_ms = 5'000;
};

struct reconcile_world {
  std::string name;  // the source's, as configured: the origin of what is found
  registry& source;
  log::appender& to;
  const log::event_log& log;
  const desired& wanted;
  const reconciled& looked;
  journal& records;
  pauses& pause;
  const clock& now;
  random_source& random;
  reconcile_settings settings;
  // Called once, with the reason, when nothing is done any more until the site is started again.
  std::function<void(const std::string& why)> on_halt = {};
};

}  // namespace longshore::engine
