#pragma once

// The locations view: which repositories at the target hold a digest. The dedup index, folded from the journal.
//
// It may be wrong either way (somebody may delete at the target): a refused mount or an unknown blob corrects it by
// a `lost` record. apply() runs on the journal's sequencer thread; readers run anywhere and see committed state.

#include <optional>
#include <string>
#include <vector>

#include "log/view.h"

namespace longshore::engine {

class locations final : public log::view {
 public:
  explicit locations(storage::database& db);
  static std::vector<storage::family_spec> family_specs();

  std::string_view name() const override { return "locations"; }
  std::uint64_t format() const override { return 3; }
  std::vector<storage::family> families() const override;
  void apply(const log::event_view& e, storage::overlay& state) override;

  result<bool> holds(std::string_view repository, std::string_view digest) const;
  // Tags seen when the repository was surveyed; none: not yet, or a resync was asked since.
  result<std::optional<std::uint64_t>> survey_of(std::string_view repository) const;
  // Some repository that holds it (the first by name), if any.
  result<std::optional<std::string>> any_holder(std::string_view digest) const;
  // All that hold it, by name.
  result<std::vector<std::string>> holders(std::string_view digest) const;

 private:
  storage::database* db_;
  storage::family by_digest_, by_repository_;
};

}  // namespace longshore::engine
