#pragma once

// The uploads view: sessions at the target that nobody has completed or given up, folded from the journal.
//
// One row per (repository, digest); a later upload_opened replaces it, since only the newest place of a session is of
// use. What stands here after a restart is taken up again or cancelled by the copier. apply() runs on the journal's
// sequencer thread; readers run anywhere and see committed state.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/upload_session.h"
#include "log/view.h"

namespace longshore::engine {

struct open_upload {
  std::string repository;
  std::string digest;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // acknowledged by the target when this was written
  upload_session session;
  timestamp at;  // when it was written
  bool operator==(const open_upload&) const = default;
};

// What an upload_opened record says; none: it is not one, or damaged.
std::optional<open_upload> upload_in(const log::event_view& e);

class uploads final : public log::view {
 public:
  explicit uploads(storage::database& db) : db_(&db), open_(db.named("uploads.open")) {}
  static std::vector<storage::family_spec> family_specs() { return {{"uploads.open"}}; }

  std::string_view name() const override { return "uploads"; }
  std::vector<storage::family> families() const override { return {open_}; }
  void apply(const log::event_view& e, storage::overlay& state) override;

  result<std::optional<open_upload>> find(std::string_view repository, std::string_view digest) const;
  // The first `most` by repository and digest.
  result<std::vector<open_upload>> list(std::size_t most) const;

 private:
  storage::database* db_;
  storage::family open_;
};

}  // namespace longshore::engine
