#pragma once

// Keeping views equal to the fold of their log, offline: catching up, rebuilding, comparing, and asking for the
// state as it was.

#include <cstdint>
#include <span>

#include "log/event_log.h"
#include "log/view.h"

namespace longshore::log {

// How many records this view has folded, in the format that it has now: applied_seq + 1, or 0.
result<std::uint64_t> applied_size(const event_log& log, const view& v);

// Folds records up to `to` (at most durable_size()) into the view, in bounded batches, each atomic with the
// view's position; a view of another format from its first record on. Nobody else may write the view meanwhile.
result<void> catch_up(event_log& log, view& v, std::uint64_t to);

// Empties the view and folds it anew from record 0, past the write-ahead log: it is whole and durable when this returns
// well. After a crash in between, the next catch_up begins it again.
result<void> rebuild(event_log& log, view& v);

// Folds records [0, to) into a view over another, empty database: the state as it was when the log had that size.
// The log is only read. The view must read and write families of scratch; no position is kept there.
result<void> replay(const event_log& log, storage::database& scratch, view& v, std::uint64_t to);

// XXH3-128 (hex) over name, position and every key and value of the view's families: equal digests, equal views.
result<std::string> view_digest(const event_log& log, const view& v);

}  // namespace longshore::log
