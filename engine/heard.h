#pragma once

// The heard view: what the log last heard of each source, folded from the replicated log.
//
// One row per source, however long ago it spoke and however much the others have said since: when, at which seq, and
// which registry processes ("instances") spoke lately, newest last. Events that no registry process sent (what looking
// found) say nothing here. apply() runs on the log's sequencer thread; readers run anywhere and see committed state.

#include <functional>
#include <string>
#include <vector>

#include "log/seq.h"
#include "log/view.h"

namespace longshore::engine {

struct heard_source {
  std::string name;
  event_seq seq;       // of its newest event
  timestamp recorded;  // likewise
  std::vector<std::string> instances;
  bool operator==(const heard_source&) const = default;
};

class heard final : public log::view {
 public:
  explicit heard(storage::database& db) : db_(&db), sources_(db.named("heard.sources")) {}
  static std::vector<storage::family_spec> family_specs() { return {{"heard.sources"}}; }

  std::string_view name() const override { return "heard"; }
  std::vector<storage::family> families() const override { return {sources_}; }
  void apply(const log::event_view& e, storage::overlay& state) override;

  // By name; visit returns false to stop.
  result<void> sources(const std::function<bool(const heard_source&)>& visit) const;

 private:
  storage::database* db_;
  storage::family sources_;
};

}  // namespace longshore::engine
