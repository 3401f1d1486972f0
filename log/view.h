#pragma once

// A materialized view: state folded from exactly one log.
//
// The log calls apply() once per record, in seq order, and commits the changes together with the view's
// applied_seq in one batch; so a view is always exactly the fold of records [0, applied]. A view must derive all
// it writes from the record and from its own families: no clock, no random, no other view. That makes it
// droppable and rebuildable to the same bytes at any time. One whose rows change their form says so by format():
// what was folded in another one is emptied and folded anew when the log is opened for writing.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "log/event.h"
#include "storage/database.h"
#include "storage/overlay.h"

namespace longshore::log {

class view {
 public:
  virtual ~view() = default;
  virtual std::string_view name() const = 0;
  virtual std::uint64_t format() const { return 1; }
  // Families that belong to this view alone, in a fixed order; cleared for a rebuild, hashed for its digest.
  virtual std::vector<storage::family> families() const = 0;
  virtual void apply(const event_view& e, storage::overlay& state) = 0;
};

}  // namespace longshore::log
