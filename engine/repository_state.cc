#include "engine/repository_state.h"

namespace longshore::engine {
namespace {

// What no pass mends, and stands until a verification finds it gone; what is worst. Empty: nothing does.
std::string said_of(const actual_repository& done) {
  if (done.doubted > 0) {
    return (done.doubted == 1 ? "1 blob or manifest has other bytes at the target than its digest says; delete it from "
                                "the "
                              : std::to_string(done.doubted) +
                                    " blobs or manifests have other bytes at the target than their digests say; delete "
                                    "those from the ") +
           "registry's storage, then run longshore verify until it finds nothing amiss";
  }
  if (done.amiss == 0) return {};
  return "verification left " + std::to_string(done.amiss) + " amiss: " + done.amiss_reason;
}

}  // namespace

repository_state state_of(const desired_repository& wanted, const std::optional<actual_repository>& done) {
  repository_state s;
  s.name = wanted.name;
  s.created_at = wanted.first_seen;
  if (wanted.items_size > 0) s.newest_seq = event_seq{wanted.items_size - 1};
  if (!done) {
    s.state = wanted.items_size > 0 ? sync_state::pending : sync_state::synced;
    return s;
  }
  s.state = done->state;
  s.retry_count = done->retry_count;
  s.last_sync_failure = s.pass_failure = done->last_sync_failure;
  s.retry_at = done->retry_at;
  s.last_synced_at = done->last_synced_at;
  s.created_at = done->created_at;
  s.parked = done->parked;
  s.failed = done->failed;
  s.skipped = done->skipped;
  s.sparse = done->sparse;
  s.doubted = done->doubted;
  s.verified_at = done->verified_at;
  s.amiss = done->amiss;
  s.mismatches = done->mismatches + done->amiss;
  if (done->synced_size > 0) s.synced_seq = event_seq{done->synced_size - 1};
  const bool is_settled = s.state == sync_state::synced;
  if (is_settled && done->doubted + done->amiss > 0) s.state = sync_state::failed;
  if (const std::string standing = said_of(*done); !standing.empty()) {
    const bool failed_since = !is_settled && !s.last_sync_failure.empty();
    s.last_sync_failure = failed_since ? s.last_sync_failure + "; besides, " + standing : standing;
  }
  if (s.state == sync_state::synced && wanted.items_size > done->synced_size) s.state = sync_state::pending;
  return s;
}

bool is_failing(const repository_state& s) {
  if (s.state == sync_state::skipped) return false;
  const bool stands = s.doubted + s.amiss > 0;  // shown as failed where all that can be done is
  return s.failed + s.retry_count > 0 || (s.state == sync_state::failed && !stands);
}

bool is_troubled(const repository_state& s) {
  return s.state != sync_state::skipped && (s.doubted + s.amiss > 0 || is_failing(s));
}

repository_state skipped_by(repository_state s, std::string rule) {
  s.state = sync_state::skipped;
  s.skipped_by = std::move(rule);
  s.parked = s.failed = 0;  // nothing is tried there, and nothing waits for an operator
  return s;
}

}  // namespace longshore::engine
