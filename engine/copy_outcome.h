#pragma once

// What a one-shot copy is made of, item by item, how each ended, and the sum of it. Pure.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "engine/copy_progress.h"
#include "engine/copy_routes.h"
#include "storage/env/result.h"

namespace longshore::engine {

struct copy_item {
  std::string repository;
  copy_ref ref;  // both empty: the repository as a whole
};

// One of each repository in turn: shared layers start early, and no repository keeps all workers to itself.
std::deque<copy_item> dealt(std::deque<copy_item> items);

enum class copy_end : std::uint8_t { copied, unchanged, skipped, failed, interrupted, deleted, not_deleted };
std::string_view name_of(copy_end end);

struct copy_outcome {
  copy_item item;
  copy_end end = copy_end::failed;
  std::string digest;   // when known
  std::string rule;     // that skipped it
  sync_progress moved;  // of this item, however many tries it took: what one brought is not present for the next
  std::optional<error> why;
  std::string note = {};  // of a planned deletion: on what it depends
};

struct copy_figures {
  std::size_t repositories = 0, repositories_listed = 0;
  std::size_t items = 0;  // known so far
  std::size_t copied = 0, unchanged = 0, skipped = 0, failed = 0, interrupted = 0;
  std::size_t deleted = 0, not_deleted = 0;  // tags; they are no items
  std::size_t deleted_by_name = 0;           // of a plan: tags that go only if the target deletes them by name
  sync_progress moved;                       // of the items that have ended
  blob_tally in_copied;                      // all blobs of those copied

  void count(const copy_outcome& ended);  // an item, which `items` has already
  std::size_t ended() const { return copied + unchanged + skipped + failed + interrupted; }
};

}  // namespace longshore::engine
