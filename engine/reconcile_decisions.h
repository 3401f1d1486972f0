#pragma once

// What a look at the source says that the log does not. Plain functions: no clock, no I/O, no coroutine.
//
// "Unknown is not equal, failed is not empty": a tag is gone only when a whole listing lacks it and the registry, asked
// for that very tag, says in its own words that it does not exist. Nothing is concluded about a tag that was asked
// about without an answer, nor against an event that came since the look began: live events win.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/reconciled.h"
#include "storage/digest.h"

namespace longshore::engine {

// What the log says of a tag: its newest word.
struct known_tag {
  std::string digest;  // empty when gone
  bool gone = false;
  event_seq seq;
};
using known_tags = std::map<std::string, known_tag, std::less<>>;

// The source's own listing, whole; a part of one is never made into this. An unknown repository lists no tags.
using listed_tags = std::set<std::string, std::less<>>;

struct tag_question {
  std::string tag;
  std::optional<longshore::digest> known;  // what the log says it is
  bool operator==(const tag_question&) const = default;
};
// The tags that the source must be asked about, in name order: new ones, vanished ones, and in mode `digests` all the
// others, but for those that match a glob of `immutable` (engine/glob.h). Names that are no tags are passed over.
std::vector<tag_question> questions_about(const known_tags& known, const listed_tags& listed, reconcile_mode mode,
                                          std::span<const std::string> immutable);

// What the source answered; none: it has no such tag. A question that failed is not in here.
using tag_answers = std::map<std::string, std::optional<longshore::digest>, std::less<>>;

struct finding {
  std::string tag;
  std::string digest;  // empty: gone
  bool operator==(const finding&) const = default;
};
// looked_from: the log's size before the source was asked for its listing. known: what the log says now.
std::vector<finding> findings(const known_tags& known, const listed_tags& listed, const tag_answers& answers,
                              std::uint64_t looked_from);

// The source lists less than half of the tags that the log knows there: with other repositories like it, this is the
// loss of the registry's data rather than its users' doing. A tag that is new, as of a first push after the loss, does
// not speak against it.
bool has_vanished(const known_tags& known, const listed_tags& listed);

struct checked_repository {
  std::string name;
  timestamp digests_at;  // 0: never
};
// Which repositories a scheduled run checks the digests of, so that each is checked once in check_every_ms: those whose
// time has come, and of the others the oldest, as many as this run's share.
std::set<std::string, std::less<>> due_for_digests(std::vector<checked_repository> all, timestamp now,
                                                   std::int64_t run_every_ms, std::int64_t check_every_ms);

// How long it will take yet, at the pace so far; none: nothing to tell it by.
std::optional<std::int64_t> remaining_ms(timestamp started, timestamp now, std::uint64_t done, std::uint64_t of);

}  // namespace longshore::engine
