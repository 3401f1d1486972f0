#include "engine/copy_outcome.h"

#include "storage/env/ensure.h"

namespace longshore::engine {

std::string_view name_of(copy_end end) {
  switch (end) {
    case copy_end::copied:
      return "copied";
    case copy_end::unchanged:
      return "unchanged";
    case copy_end::skipped:
      return "skipped";
    case copy_end::failed:
      return "failed";
    case copy_end::deleted:
      return "deleted";
    case copy_end::not_deleted:
      return "not_deleted";
  }
  ensure(false, "a copy ends in one of six ways");
}

}  // namespace longshore::engine
