#include "engine/copy_world.h"

namespace longshore::engine {
namespace {

void add_to(blob_tally& to, const blob_tally& more) {
  to.blobs += more.blobs;
  to.bytes += more.bytes;
}

blob_tally beyond(const blob_tally& all, const blob_tally& without) {
  return {all.blobs - std::min(all.blobs, without.blobs), all.bytes - std::min(all.bytes, without.bytes)};
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

void sync_progress::count_once(const sync_progress& earlier) {
  blob_tally found = beyond(present, earlier.present);
  for (const blob_tally& brought : {earlier.copied, earlier.mounted}) found = beyond(found, brought);
  present = found;
}

replication_filter::verdict left_out_by_type(const copy_settings& s, const manifest_document& document) {
  if (!s.filter->judges_media_types()) return std::nullopt;
  const auto content = parse_manifest(document.media_type, document.bytes);
  return content ? s.filter->media_types(document.media_type, *content) : std::nullopt;
}

task<std::optional<std::vector<descriptor>>> referrers_at_source(const copy_world& world, std::string repository,
                                                                 longshore::digest of) {
  auto listed = co_await world.source.referrers_within(std::move(repository), of, world.copying.referrers_max);
  const bool cannot = !listed && listed.error().code == errc::unsupported;
  if (!listed && !cannot) co_return pass(std::move(listed), "listing referrers of " + of.text());
  world.learned->referrers_listed(!cannot);
  co_return cannot ? std::nullopt : std::optional(*std::move(listed));
}

}  // namespace longshore::engine
