#pragma once

// What a target holds already, learnt with the fewest requests, so that a fresh site or a one-shot copy does not send
// again what is there.
//
// One listing tells the tags of a repository; one manifest (and its children) tells the digests of everything below a
// tag, since registries take no manifest whose content they lack. So a filled target costs a request per manifest,
// not one per blob; an empty one costs the listing alone. What is found is recorded in the location index when a verb
// returns; the index may still be wrong and is corrected as always (engine/copier.h, engine/publication.h).
// Verbs may run beside each other, below() after the others; one executor; the world must outlive it.

#include <string>
#include <utility>
#include <vector>

#include "engine/copy_world.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

class target_survey {
 public:
  explicit target_survey(const copy_world& world) : world_(&world) {}

  // All tags of the repository; empty when the target knows no such repository. errc::too_large over tags_max.
  task<tag_names> list(std::string repository, std::size_t tags_max);
  // The digest of the manifest that ref names at the target, what it refers to recorded; none: no such ref. An index is
  // put aside, at one request: below() then records what is below all of those.
  task<std::optional<longshore::digest>> look_at(std::string repository, std::string ref);
  task<> below();

 private:
  enum class aside : bool { none, put };
  task<std::optional<longshore::digest>> take(std::string repository, std::string ref, aside indexes);
  task<> record_below(const std::string& repository, manifest_document root);

  const copy_world* world_;
  std::vector<std::pair<std::string, longshore::digest>> aside_;  // repository, index
};

}  // namespace longshore::engine
