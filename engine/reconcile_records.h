#pragma once

// What a site journals about looking at its sources: one constructor per kind, pure. engine/reconciled folds them.
//
// As journal_records.h: texts from outside are cut and made valid UTF-8; seq, recorded and origin are the journal's.

#include <string>

#include "engine/reconciled.h"
#include "log/event.h"

namespace longshore::engine::record {

log::event reconcile_started(const std::string& source, const reconcile_record& run);
// mode: how this repository was looked at, which may be deeper than the run.
log::event repository_reconciled(const std::string& source, const std::string& run, std::string repository,
                                 reconcile_mode mode, std::uint64_t tags, std::uint64_t requests, std::uint64_t found);
// run.reason: why it broke off; empty: it goes on.
// Of several sources, this one has the repository no more.
log::event repository_left(const std::string& source, const std::string& run, std::string repository);
log::event reconcile_position(const std::string& source, const reconcile_record& run);
log::event reconcile_ended(const std::string& source, const reconcile_record& run);

enum class noted : std::uint8_t {
  suspected,  // events may have been lost
  watched,    // a process begins to take its events
  released    // that process stopped in good order
};
log::event source_noted(const std::string& source, noted what, std::string_view reason);

}  // namespace longshore::engine::record
