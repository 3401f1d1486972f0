#pragma once

// The target view: whose contents the journal tells of. Folded from the journal's target_named records.
//
// What was published and located at one registry says nothing of another. apply() runs on the journal's sequencer
// thread; readers run anywhere and see committed state.

#include <optional>
#include <string>
#include <vector>

#include "log/view.h"

namespace longshore::engine {

class named_target final : public log::view {
 public:
  explicit named_target(storage::database& db) : db_(&db), current_(db.named("target.current")) {}
  static std::vector<storage::family_spec> family_specs() { return {{"target.current"}}; }

  std::string_view name() const override { return "target"; }
  std::vector<storage::family> families() const override { return {current_}; }
  void apply(const log::event_view& e, storage::overlay& state) override;

  // "host:port" of the newest record; none: the journal is of a version that wrote none.
  result<std::optional<std::string>> authority() const;
  // The one that is about to be named, while what was believed of the one before is being taken back.
  result<std::optional<std::string>> renewing() const;

 private:
  storage::database* db_;
  storage::family current_;
};

}  // namespace longshore::engine
