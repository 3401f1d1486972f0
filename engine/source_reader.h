#pragma once

// Asks a source registry questions, at the pace it is given and with bounded patience, and counts the requests.
//
// A listing comes whole or not at all. What may pass (429, 5xx, a connection that broke, a stall) is tried again a few
// times, after the pause that the registry asked for; everything else is the answer. A failure tells the longest wait
// for one of these answers, and the longest pause that was asked for. errc::stopped when the pauses were. One executor;
// a reader may be used by several coroutines; must outlive them.

#include <optional>
#include <string>

#include "engine/pace.h"
#include "engine/reconcile_world.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

class source_reader {
 public:
  source_reader(const reconcile_world& world, pace& turns) : world_(&world), pace_(&turns) {}

  task<tag_names> repositories();
  task<tag_names> tags(std::string repository);
  task<std::optional<longshore::digest>> resolve(std::string repository, std::string tag,
                                                 std::optional<longshore::digest> known);
  // Whether it answers at all for the repository, be it that there is none.
  task<bool> answers(std::string repository);
  std::uint64_t requests() const { return requests_; }

 private:
  template <class T, class Ask>
  task<T> patiently(Ask ask);

  const reconcile_world* world_;
  pace* pace_;
  std::uint64_t requests_ = 0;
};

}  // namespace longshore::engine
