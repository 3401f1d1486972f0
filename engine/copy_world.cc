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
