#pragma once

// Reading a data directory that no process uses: the state it says the registry was in, its records as lines,
// its views folded anew. What the offline commands do, apart from talking to people.
//
// The reading verbs change nothing in the directory; rebuild_views() replaces the views' rows by the fold of
// the logs, synced when it returns. All fail as the log does: a damaged record is errc::corrupt and named.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/desired.h"
#include "log/event_log.h"
#include "tools/site_store.h"

namespace longshore::tools {

// What to do about a log of this directory that cannot be read, in place of what is said of damage in general: views
// can be made anew, a log cannot. Other failures are left as they are.
error of_damaged_log(error e, const std::filesystem::path& dir);
// The words for what is damaged, without advice.
std::string damage_in(std::string text);

// Called now and then with how many records are done, and of how many.
using on_progress = std::function<void(std::uint64_t done, std::uint64_t of)>;

// How many records the log had at that moment: `at` is a seq (the state after it) or an RFC 3339 time; errc::invalid
// when it is neither, errc::not_found for a seq that the log has not.
result<std::uint64_t> size_for(const log::event_log& log, std::string_view at);
// When the newest record was recorded, if that is before the time `at`: what came between is not in this log.
std::optional<timestamp> ends_before(const log::event_log& log, std::string_view at);

// Folds the first `size` records with the desired view's own code, in a scratch directory that is removed
// again, and calls visit for each repository's items in name order, tombstones included. An empty repository
// means all.
result<void> state_at(const log::event_log& log, std::uint64_t size, std::string_view repository,
                      const std::function<void(const engine::desired_item&)>& visit, const on_progress& progress);

struct export_range {
  std::uint64_t from = 0;
  std::uint64_t to = UINT64_MAX;  // exclusive
};
// Calls line for each record's NDJSON, without its newline; a failure of line ends the export with that
// failure.
result<std::uint64_t> export_records(const log::event_log& log, export_range range,
                                     const std::function<result<void>(std::string_view)>& line,
                                     const on_progress& progress);

struct rebuilt_view {
  std::string name;
  std::uint64_t records = 0;  // folded
  std::string digest;         // after
  std::string digest_before;  // empty when the view could not be digested as it was
};
result<std::vector<rebuilt_view>> rebuild_views(site_logs& logs, const on_progress& progress);

}  // namespace longshore::tools
