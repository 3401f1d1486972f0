#pragma once

// The reconciled view: how far this site has looked at its sources, folded from its journal.
//
// Per source: the run over all repositories that has not ended (a start goes on from its position), the last that
// ended, the last over all repositories that ended or broke off, the last that looked at everything, and what speaks
// for events having been lost. Per source and repository:
// when its digests were last checked; a repository whose tags were only listed, with nothing found, leaves no row where
// no other source could have it. apply() runs on the journal's sequencer thread; readers run anywhere and see committed
// state.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log/seq.h"
#include "log/view.h"

namespace longshore::engine {

enum class reconcile_mode : std::uint8_t {
  tags,    // one listing per repository: finds new and vanished tags
  digests  // and one question per tag: finds moved ones
};
std::string_view name_of(reconcile_mode m);

struct reconcile_counts {
  std::uint64_t repositories = 0;  // to look at
  std::uint64_t done = 0, failed = 0;
  std::uint64_t tags = 0, requests = 0, found = 0;
  bool operator==(const reconcile_counts&) const = default;
};

// A run that has ended, or broke off, or goes on.
struct reconcile_record {
  std::string run;
  reconcile_mode mode = reconcile_mode::tags;
  std::string why;          // "schedule", "asked", ...
  bool whole = true;        // over all repositories
  bool complete = false;    // all there is was looked at, and none failed
  bool broken_off = false;  // over all, and has not ended: taken up again, or another over all comes in its place
  std::string reason;       // why it is not complete, or broke off
  timestamp started, ended;
  reconcile_counts counts;
  std::string catalog_refused;  // why; then only what the log knows was looked at
  std::string through;          // of an open run: repositories up to this name are done
};

struct reconciled_source {
  std::string name;
  std::optional<reconcile_record> open, last, last_whole, last_complete;  // the latter two: over all repositories
  timestamp digests_complete_at, digests_complete_from;  // the last complete look at every tag: its end, its start
  std::string suspected;                                 // why events may be missing; empty: nothing speaks for it
  timestamp suspected_since;
  bool watched = false;  // by a process that has not said that it stopped

  // The run to tell of where not all was looked at; null: none is. What one over all left, or broke off before, is not
  // looked at until one over all is complete, whatever else was.
  const reconcile_record* incomplete() const;
};

struct reconciled_repository {
  std::string run;  // the last that left a record here
  timestamp at, digests_at;
  std::uint64_t tags = 0, found = 0;
};

class reconciled final : public log::view {
 public:
  explicit reconciled(storage::database& db);
  static std::vector<storage::family_spec> family_specs();

  std::string_view name() const override { return "reconciled"; }
  std::uint64_t format() const override { return 4; }
  std::vector<storage::family> families() const override;
  void apply(const log::event_view& e, storage::overlay& state) override;

  result<std::optional<reconciled_source>> source(std::string_view name) const;
  result<void> sources(const std::function<bool(const reconciled_source&)>& visit) const;
  result<std::optional<reconciled_repository>> repository(std::string_view source, std::string_view name) const;
  // In name order; visit returns false to stop.
  result<void> repositories(std::string_view source,
                            const std::function<bool(std::string_view, const reconciled_repository&)>& visit) const;

 private:
  void apply_repository(const log::event_view& e, storage::overlay& state);
  void apply_source(const log::event_view& e, storage::overlay& state);

  storage::database* db_;
  storage::family sources_, repositories_;
};

}  // namespace longshore::engine
