#include "engine/copy_outcome.h"

#include <map>

#include "storage/env/ensure.h"

namespace longshore::engine {

std::deque<copy_item> dealt(std::deque<copy_item> items) {
  std::map<std::string, std::deque<copy_item>> by_repository;
  for (copy_item& item : items) {
    auto& mine = by_repository[item.repository];
    mine.push_back(std::move(item));
  }
  items.clear();
  while (!by_repository.empty()) {
    for (auto at = by_repository.begin(); at != by_repository.end();) {
      items.push_back(std::move(at->second.front()));
      at->second.pop_front();
      at = at->second.empty() ? by_repository.erase(at) : std::next(at);
    }
  }
  return items;
}

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
    case copy_end::interrupted:
      return "interrupted";
    case copy_end::deleted:
      return "deleted";
    case copy_end::not_deleted:
      return "not_deleted";
  }
  ensure(false, "a copy ends in one of seven ways");
}

void copy_figures::count(const copy_outcome& ended) {
  switch (ended.end) {
    case copy_end::copied:
      ++copied;
      for (const blob_tally& tally : {ended.moved.copied, ended.moved.mounted, ended.moved.present}) {
        in_copied.blobs += tally.blobs;
        in_copied.bytes += tally.bytes;
      }
      break;
    case copy_end::unchanged:
      ++unchanged;
      break;
    case copy_end::skipped:
      ++skipped;
      break;
    case copy_end::failed:
      ++failed;
      break;
    case copy_end::interrupted:
      ++interrupted;
      break;
    case copy_end::deleted:
    case copy_end::not_deleted:
      break;  // no items: by whoever counts tags
  }
  moved.add(ended.moved);
}

}  // namespace longshore::engine
