#include "engine/copy_world.h"

namespace longshore::engine {
namespace {

void add_to(blob_tally& to, const blob_tally& more) {
  to.blobs += more.blobs;
  to.bytes += more.bytes;
}

}  // namespace

entry_choice chosen_entries(const copy_settings& s) {
  if (!s.filter->judges_platforms()) return {};
  return [filter = s.filter](const manifest& index, const manifest_reference& entry) {
    return !filter->entry(index, entry);
  };
}

void sync_progress::add(const sync_progress& more) {
  published += more.published;
  removed += more.removed;
  unchanged += more.unchanged;
  failed += more.failed;
  parked += more.parked;
  skipped += more.skipped;
  bytes_sent += more.bytes_sent;
  add_to(copied, more.copied);
  add_to(mounted, more.mounted);
  add_to(present, more.present);
  add_to(manifests, more.manifests);
}

}  // namespace longshore::engine
