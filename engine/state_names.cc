// The words for states, as operators and scripts see them.

#include "engine/actual.h"

namespace longshore::engine {

std::string_view name_of(sync_state s) {
  switch (s) {
    case sync_state::pending:
      return "pending";
    case sync_state::started:
      return "started";
    case sync_state::synced:
      return "synced";
    case sync_state::failed:
      return "failed";
    case sync_state::skipped:
      return "skipped";
  }
  return "unknown";
}

std::string_view name_of(item_state s) {
  switch (s) {
    case item_state::done:
      return "done";
    case item_state::removed:
      return "removed";
    case item_state::failed:
      return "failed";
    case item_state::parked:
      return "parked";
    case item_state::skipped:
      return "skipped";
  }
  return "unknown";
}

}  // namespace longshore::engine
