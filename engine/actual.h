#pragma once

// The actual view: what this site did about it, folded from its journal.
//
// Per repository the fields operators know from Geo (state, retry_count, last_sync_failure, retry_at, last_synced_at,
// created_at) and synced_size: every item with seq < synced_size is done or parked. Per item: what was published,
// or why not. apply() runs on the journal's sequencer thread; readers run anywhere and see committed state.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/doubt_rows.h"
#include "log/seq.h"
#include "log/view.h"

namespace longshore::engine {

class record_detail;

// `skipped` is never stored: the site's filters say it of repositories that they leave out (repository_state).
enum class sync_state : std::uint8_t { pending, started, synced, failed, skipped };
std::string_view name_of(sync_state s);

struct actual_repository {
  std::string name;
  sync_state state = sync_state::pending;
  std::uint64_t synced_size = 0;
  std::uint64_t retry_count = 0;
  std::string last_sync_failure;
  timestamp retry_at, last_synced_at, created_at, started_at;
  std::uint64_t parked = 0;      // items parked now
  std::uint64_t failed = 0;      // items failed now
  std::uint64_t skipped = 0;     // items left out now, by a filter or an operator
  std::uint64_t sparse = 0;      // items published without all their platforms
  std::string filter;            // fingerprint of the filters that last left something out
  bool reopened = false;         // since the pass began: its end does not settle what was opened again
  timestamp verified_at;         // when all that is settled was last found equal and whole
  std::string checksum;          // of the target's tags then (engine/checksum.h)
  std::uint64_t mismatches = 0;  // found since all of it was
  std::uint64_t apart = 0;       // items settled otherwise than the log says
  std::uint64_t doubted = 0;     // contents there that were found with wrong bytes, and not read right since
  std::uint64_t amiss = 0;       // found by the last verification, and left as it was
  std::string amiss_reason;      // of the first of these
  bool deletes_allowed = false;  // over the ceiling, until a pass ends synced
};
// Something was left out there by filters other than these: to be decided anew.
bool is_stale(const actual_repository& r, std::string_view filter);

// Codes of items that are not names of an errc.
inline constexpr std::string_view code_over_ceiling = "over_ceiling";  // parked: a deletion that was held back
inline constexpr std::string_view code_missing_tag = "missing_tag";    // a mismatch: the tag is not there at all

enum class item_state : std::uint8_t { done, removed, failed, parked, skipped };
std::string_view name_of(item_state s);

struct actual_item {
  std::string repository;
  std::string ref;
  bool is_tag = true;
  item_state state = item_state::done;
  std::string digest;            // published; empty when not (or no longer) at the target
  std::uint64_t done_size = 0;   // seq + 1 of the newest event settled by publishing or removing
  std::uint64_t tried_size = 0;  // seq + 1 of the newest event tried (failed, parked, skipped)
  std::string reason;            // of a failure or parking; the rule that skipped it; the platforms left out
  std::string code;              // errc name of a failure; skipped: "filter" or "operator"; done: "" or "sparse"
  timestamp at;                  // of the newest record
  timestamp verified_at;
  bool amiss = false;  // found so, and not verified since
  bool apart = false;  // done or removed, but not as the log says: the source showed otherwise
};

class actual final : public log::view {
 public:
  explicit actual(storage::database& db);
  static std::vector<storage::family_spec> family_specs();

  std::string_view name() const override { return "actual"; }
  std::uint64_t format() const override { return 5; }
  std::vector<storage::family> families() const override;
  void apply(const log::event_view& e, storage::overlay& state) override;

  result<std::optional<actual_repository>> repository(std::string_view name) const;
  result<void> repositories(const std::function<bool(const actual_repository&)>& visit) const;
  result<std::optional<actual_item>> item(std::string_view repository, std::string_view ref) const;
  result<void> items(std::string_view repository, const std::function<bool(const actual_item&)>& visit) const;
  // Digests of the repository that are doubted (engine/doubt_rows.h), or are remembered as such.
  result<std::vector<std::string>> doubts(std::string_view repository, doubt_of which = doubt_of::what_is_there) const {
    return doubts_.digests(repository, which);
  }
  result<bool> is_doubted_in(std::string_view repository, std::string_view digest) const {
    return doubts_.is_there(repository, digest);
  }
  // What comes to any repository is doubted there: to be sent, never to be mounted.
  result<bool> is_doubted(std::string_view digest) const { return doubts_.contains(digest); }
  // Tags of the repository that this site published at this digest.
  result<std::vector<std::string>> tags_at(std::string_view repository, std::string_view digest) const;

 private:
  static void apply_sync(const log::event_view& e, actual_repository& r);
  static void apply_verified(const log::event_view& e, actual_repository& r);
  static void apply_amiss(const log::event_view& e, actual_repository& r);
  void apply_item(const log::event_view& e, actual_repository& r, storage::overlay& state);
  static void reopen(actual_repository& r, actual_item& item, const record_detail& found);
  void apply_deletes_allowed(actual_repository& r, storage::overlay& state);
  void apply_resync(const log::event_view& e, actual_repository& r, storage::overlay& state);
  void apply_reopening(const log::event_view& e, actual_repository& r, storage::overlay& state);

  storage::database* db_;
  storage::family repositories_, items_, tags_;
  doubt_rows doubts_;
};

}  // namespace longshore::engine
