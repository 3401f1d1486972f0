#pragma once

// The records a site writes into its own journal: one constructor per kind, pure.
//
// Fields and detail are those of log/event.h: an item is (repository, tag) or (repository, digest), with the seq of
// the newest event that spoke of it. seq and recorded are the sequencer's, origin is set by engine::journal. Texts
// from outside are cut to failure_text_bytes_max and made valid UTF-8, so that every record can be stored and read.

#include <cstdint>
#include <string>

#include "engine/desired.h"
#include "engine/uploads.h"
#include "log/event.h"
#include "storage/digest.h"

namespace longshore::engine::record {

inline constexpr std::size_t failure_text_bytes_max = 2'000;
// Cut to failure_text_bytes_max, with '?' for what is not UTF-8.
std::string storable(std::string_view text);

log::event sync_started(std::string repository);
log::event sync_succeeded(std::string repository, std::uint64_t synced_size);
log::event sync_failed(std::string repository, std::string_view reason, timestamp retry_at, std::uint64_t retry_count);

// The item is at the target, at this digest.
log::event published(const desired_item& item, const longshore::digest& at);
// The same records where the source showed otherwise than the log says: to be looked at again.
void mark_apart(log::event& settled);
// The target has it no longer.
log::event removed(const desired_item& item);
log::event item_failed(const desired_item& item, const error& why);
log::event item_parked(const desired_item& item, const error& why);
// The item is at the target without the entries that the filters leave out (`what` says which rule).
log::event published_sparse(const desired_item& item, const longshore::digest& at, std::string_view what,
                            std::string_view filter);
bool is_sparse(const log::event_view& published);
log::event item_skipped(const desired_item& item, std::string_view rule, std::string_view filter);
log::event filter_changed(std::string repository, std::string_view filter);
// By an operator; reopened() opens one item again, unpark_asked() all that was parked or skipped on request.
log::event skip_asked(const desired_item& item, std::string_view reason);
log::event reopened(std::string repository, std::string ref, bool is_tag);
log::event unpark_asked(std::string repository);
log::event retry_asked(std::string repository);

log::event located(std::string repository, const longshore::digest& d, std::uint64_t size);
log::event lost(std::string repository, const longshore::digest& d);
// Seen to be gone; doubted until then, so that it speaks for no loss.
log::event seen_gone(std::string repository, const longshore::digest& d);
// Not seen to be gone, but not to be believed to be there.
log::event distrusted(std::string repository, const longshore::digest& d);
// The same of what this site is about to delete: not to be wondered at.
log::event lost_on_purpose(std::string repository, const longshore::digest& d);
// An upload goes on at the target from u.offset; u.at is the sequencer's.
log::event upload_opened(const open_upload& u);
log::event upload_closed(std::string repository, std::string digest);
log::event resync_asked(std::string repository);
// The same where the target is another one: what verifications found, and who allowed what, is of the old one.
log::event resync_at_new_target(std::string repository);
// What the target had of the repository was learnt, from this many tags (0: it knew no such repository).
log::event surveyed(std::string repository, std::uint64_t tags);
log::event verified(std::string repository, std::string tag, const longshore::digest& d);
// Verification found the item amiss: it is open again. kind: engine/comparison.h's name of the difference.
log::event mismatched(const desired_item& item, std::string_view kind, std::string_view reason);
log::event content_doubted(std::string repository, const longshore::digest& d);
log::event content_believed(std::string repository, const longshore::digest& d);
log::event repository_amiss(std::string repository, std::uint64_t found, std::string_view reason);
// unjudged: tags that differ and are open or parked: what was amiss there before is not called mended.
log::event repository_verified(std::string repository, const std::string& checksum, std::uint64_t tags,
                               std::uint64_t unjudged);
// A parked deletion that deletes_allowed() opens again.
log::event item_held_back(const desired_item& item, std::string_view reason);
log::event deletes_allowed(std::string repository);
// The registry that this site brings everything to from now on ("host:port").
log::event target_named(std::string_view authority);
// It is about to be: until target_named(), what was believed of the one before is being taken back.
log::event target_renewing(std::string_view authority);

}  // namespace longshore::engine::record
