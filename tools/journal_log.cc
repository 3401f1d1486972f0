#include "tools/journal_log.h"

#include <spdlog/spdlog.h>

namespace longshore::tools {

void tell_failures(const log::committed& made) {
  using log::event_kind;
  for (const std::string& record : *made.records) {
    const auto e = log::view_of(record);
    if (!e) {
      spdlog::error("the journal wrote a record that it cannot read: {}", e.error().text);
      continue;
    }
    const std::string_view ref = e->tag.empty() ? e->digest : e->tag;
    if (e->kind == event_kind::item_failed) {
      spdlog::warn("{} {}: failed, will be tried again: {}", e->repository, ref, e->detail);
    } else if (e->kind == event_kind::item_parked) {
      spdlog::warn("{} {}: parked until asked for: {}", e->repository, ref, e->detail);
    } else if (e->kind == event_kind::mismatched) {
      spdlog::warn("{} {}: found amiss by verification: {}", e->repository, ref, e->detail);
    } else if (e->kind == event_kind::sync_failed) {
      spdlog::warn("{}: not in sync: {}", e->repository, e->detail);
    }
  }
}

}  // namespace longshore::tools
