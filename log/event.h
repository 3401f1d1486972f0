#pragma once

// One immutable record of a log, decoded; and its stored form, a FlatBuffers buffer kept verbatim (FORMAT.md).
//
// encode() and decode() are pure. What encode() produced, decode() returns field for field; decode() verifies the
// buffer and refuses anything else (errc::corrupt). A record is at most 65,535 bytes: encode() says errc::too_large.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "log/seq.h"
#include "storage/env/clock.h"
#include "storage/env/result.h"

namespace longshore::log {

inline constexpr std::size_t record_bytes_max = 65'535;

// Numbers are part of the format: never reuse one. Below 64: the replicated log. From 64: a site's own journal.
enum class event_kind : std::uint16_t {
  unknown = 0,  // an action this version does not know; `action` has its word
  push = 1,
  pull = 2,
  mount = 3,
  erased = 4,    // delete: of a tag (tag set), of a digest (manifest or blob), or of a repository (neither)
  observed = 5,  // a reconcile run saw: tag at digest; or gone, when digest is empty
  epoch = 6,     // lineage: a new primary's reign begins

  sync_started = 64,      // repository
  sync_succeeded = 65,    // repository; detail {"synced_seq":N}
  sync_failed = 66,       // repository; detail {"reason","retry_at_us","retry_count"}
  published = 67,         // repository, tag or digest-only item at digest; detail {"seq":N} (+ "apart":1): item done
  removed = 68,           // repository, tag (or digest): the target no longer has it; detail {"seq":N}
  item_failed = 69,       // repository, tag or digest; detail {"seq","reason","code"}: will be tried again
  item_parked = 70,       // the same: will not be tried again until asked or superseded
  located = 71,           // digest is in repository at the target (size)
  lost = 72,              // digest is not in repository at the target after all; detail {"deleted":1}: by this site
  resync_asked = 73,      // repository: forget what is known to be done there; detail {"new_target":1} or none
  verified = 74,          // repository, tag at digest: closure found whole
  upload_opened = 75,     // an upload of digest (size) to repository goes on; detail: log/FORMAT.md
  upload_closed = 76,     // it is complete, or given up
  content_doubted = 77,   // repository, digest: the target was seen to serve other bytes under it
  content_believed = 78,  // the same: it was read whole since, or nothing that is compared needs it any more
  item_skipped = 80,      // repository, tag or digest; detail {"seq","rule","filter"}: a filter leaves it out
  filter_changed = 81,    // repository; detail {"filter"}: what filters left out there is decided anew
  skip_asked = 82,        // repository, tag or digest; detail {"seq","rule"}: an operator leaves this event's work out
  unpark_asked = 83,      // repository; or one item of it, tag or digest: parked and skipped items are open again
  retry_asked = 84,       // repository: its retry is due now
  mismatched = 85,        // repository, tag [at digest]: found amiss at the target; detail {"seq","kind","reason"}
  repository_verified = 86,  // repository: no tag judged is amiss; detail {"checksum","tags","unjudged"}
  deletes_allowed = 87,      // repository: the passes up to the next that ends synced may delete over the ceiling
  repository_amiss = 88,     // repository: a verification left so much amiss as it was; detail {"found","reason"}

  reconcile_started = 90,      // detail {"source","run","mode","why","whole"}
  repository_reconciled = 91,  // repository; detail {"source","run","mode","tags","requests","found"}, or {"source",
                               // "run","left":true}: it is another source's now, or nobody's
  reconcile_position = 92,     // where a run over all is; detail {"source","run","through","broken_off", counts}
  reconcile_ended = 93,        // detail {"source","run","mode","why","whole","complete","reason","started_us", counts}
  source_noted = 94,           // detail {"source","what":"suspected|watched|released","reason"}

  surveyed = 95,  // repository: what the target had there was learnt; size: tags seen, 0: it knew no such repository
  target_named =
      96  // what the records from here on were brought to; detail {"authority"}, or {"renewing"}: about to be
};

// The word for a kind: "push", "delete", "sync_started", ...
std::string_view name_of(event_kind kind);

struct event {
  event_seq seq;       // assigned by the sequencer
  timestamp recorded;  // stamped by the sequencer; never decreases along a log
  event_kind kind = event_kind::unknown;
  std::string origin;  // the source's configured name, or the site's for its own records
  std::string id;      // unique within origin; the dedup key. Empty: not deduplicated
  timestamp occurred;  // as the registry said; 0 when it did not
  std::string repository;
  std::string tag;
  std::string digest;  // as notified: may be of an unknown algorithm
  std::string media_type;
  std::uint64_t size = 0;
  std::string from_repository;
  std::string actor;
  std::string request_id, request_addr, request_host, request_method, request_useragent;
  std::string instance;  // the registry process that sent it
  std::string action;    // the notification's own word
  std::string detail;    // the notification's own JSON; for journal kinds, JSON of our own

  bool operator==(const event&) const = default;
};

result<std::string> encode(const event& e);
result<event> decode(std::string_view record);

// What a fold needs without copying strings: views into the record, valid as long as it is.
struct event_view {
  event_seq seq;
  timestamp recorded;
  event_kind kind = event_kind::unknown;
  std::string_view origin, id, instance, repository, tag, digest, media_type, from_repository, detail;
  timestamp occurred;
  std::uint64_t size = 0;
};
// Verifies the buffer first; errc::corrupt when it is not a record.
result<event_view> view_of(std::string_view record);

// The seq that a record says it has, read without verifying the rest; none when even that cannot be read safely.
std::optional<event_seq> seq_of(std::string_view record);

// One line of NDJSON (no newline at the end): every field by its FORMAT.md name, times in RFC 3339, and detail
// as a JSON value where it is JSON, else as a string under "detail_text" ("detail_base64" when not UTF-8).
std::string to_json(const event& e);

}  // namespace longshore::log
