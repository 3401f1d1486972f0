#pragma once

// What a target holds already, learnt with the fewest requests, so that a fresh site or a one-shot copy does not send
// again what is there.
//
// One listing tells the tags of a repository; one manifest (and its children) tells the digests of everything below a
// tag, since registries take no manifest whose content they lack. So a filled target costs a request per manifest,
// not one per blob; an empty one costs the listing alone. What is found is recorded in the location index when a verb
// returns; the index may still be wrong and is corrected as always (engine/copier.h, engine/publication.h).
// Verbs may run beside each other, below() after the others; one executor; the world must outlive it.

#include <map>
#include <optional>
#include <set>
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
  // The manifest that ref names at the target, what it refers to recorded; none: no such ref. Of an index that is not
  // known to be whole no more is read, at one request: look_below() does now, below() later for all put aside.
  struct sight {
    longshore::digest digest;
    std::optional<manifest_document> index;
  };
  task<std::optional<sight>> look_at(std::string repository, std::string ref);
  // Whether the target lacks none of the entries that are chosen and that the source has. One request for each entry
  // not known to be there. An index that cannot be understood is taken for whole.
  task<bool> look_below(std::string repository, manifest_document index);
  void put_aside(std::string repository, longshore::digest index);
  task<> below();
  // Learns what other repositories hold under these refs, so that it can be mounted from there; not of those that were
  // surveyed before. One with more refs than one is listed first, and only those that it has are looked at.
  task<> look_elsewhere(std::map<std::string, std::set<std::string>> refs_by_repository, std::size_t tags_max);

 private:
  using digests = std::set<longshore::digest>;
  task<> look_at_all(std::string repository, std::set<std::string> refs, std::size_t tags_max);
  task<digests> record_below(std::string repository, manifest_document root);
  task<bool> read_child(const std::string& repository, const longshore::digest& d, closure& of, digests& absent);

  const copy_world* world_;
  std::vector<std::pair<std::string, longshore::digest>> aside_;  // repository, index
};

}  // namespace longshore::engine
