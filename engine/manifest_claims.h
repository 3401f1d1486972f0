#pragma once

// One item at a time brings a manifest of a repository: images with parts in common bring each part once.
//
// claim_table is what all items at work share; manifest_claims are one item's. take() claims a manifest, once no other
// item has it; it tells whether it waited for one, after which the manifest may be there. Items that would wait for
// each other do not: one of them brings the manifest, too, unclaimed. try_take() never waits. Claims end with their
// object, however that comes: keep it until what was brought is recorded, or who waited would not see it.
// One executor; a table must outlive its claims.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/registry.h"
#include "engine/wait_list.h"

namespace longshore::engine {

class manifest_claims;

class claim_table {
 public:
  std::size_t size() const { return taken_.size(); }

 private:
  friend class manifest_claims;
  using place = std::pair<std::string, longshore::digest>;  // repository, manifest
  struct item {
    std::shared_ptr<item> waits_for;
    wait_list ended;
  };
  std::map<place, std::shared_ptr<item>> taken_;
};

class manifest_claims {
 public:
  explicit manifest_claims(claim_table& table);
  manifest_claims(const manifest_claims&) = delete;
  manifest_claims& operator=(const manifest_claims&) = delete;
  ~manifest_claims();

  boost::asio::awaitable<bool> take(std::string repository, longshore::digest d);
  void try_take(std::string repository, longshore::digest d);

 private:
  bool waits_for_us(const claim_table::item& other) const;

  claim_table* table_;
  std::shared_ptr<claim_table::item> us_;
  std::vector<claim_table::place> ours_;
};

}  // namespace longshore::engine
