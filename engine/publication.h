#pragma once

// Publishing one item of one repository at the target, whole or not at all: blobs, children, the manifest by digest
// with its referrers, and the tag last (DESIGN promise 5).
//
// publish() returns when the target has acknowledged everything; the records say what became known to be where, and
// are the caller's to journal. What the target is known to hold is not sent again; when it contradicts (it refuses a
// manifest for content it lacks), the location index is corrected and the item walked anew, without that belief.
// One executor; the world must outlive it; any number of calls beside each other.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/copy_world.h"
#include "engine/desired.h"

namespace longshore::engine {

class publication {
 public:
  publication(const copy_world& world, std::string repository, sync_progress& progress)
      : world_(&world), repository_(std::move(repository)), progress_(&progress) {}

  // The manifest with its closure, and the tag when the item is one. With confirm, and when content had to be sent or
  // the source lacked some, the source's tag is asked for once more before it is published: errc::conflict when it
  // has moved on. Children that the source does not have are left out, as long as it does not. What another item brings
  // just now is waited for, not brought again: keep the claims until the records are journaled.
  enum class tag_check : bool { none, confirm };
  task<std::vector<log::event>> publish(desired_item item, manifest_document root, tag_check check,
                                        manifest_claims& claims);
  // What was published at this digest lacks entries that the filters leave out. Asked once; then forgotten.
  bool take_sparse(const longshore::digest& d) { return sparse_.erase(d) > 0; }
  // Referrers that the target will never take: parked by records of their own, while their image was published.
  const std::map<longshore::digest, error>& refused_referrers() const { return refused_referrers_; }

 private:
  struct attempt {
    bool believe = true;  // in what the location index says of manifests
    bool sent_content = false;
    std::vector<log::event>* located = nullptr;  // of this attempt and those before it
    image_progress* image = nullptr;
    manifest_claims* claims = nullptr;
  };

  task<closure> walk(manifest_document root, closure::subjects s, attempt& a);
  task<bool> is_held(const longshore::digest& d, attempt& a);
  boost::asio::awaitable<bool> is_source_blob(longshore::digest d);
  task<> bring_blobs(const closure_plan& plan, attempt& a);
  task<> store(const manifest_document& m, std::string ref, const closure_plan& of, attempt& a);
  task<> put(const manifest_document& m, std::string ref, const closure_plan& of, attempt& a);
  task<bool> at_target(const manifest_reference& r);
  task<bool> correct_index(const manifest_document& m, const closure_plan& of, attempt& a);
  task<std::vector<descriptor>> list_referrers(const longshore::digest& d);
  task<> bring_referrers(const desired_item& item, std::vector<descriptor> found, std::set<longshore::digest> seen,
                         attempt& a);
  task<> bring_referrer(const desired_item& item, const descriptor& r, attempt& a,
                        std::vector<longshore::digest>& parts, std::vector<log::event>& located);
  std::string next_step() const;
  error with_next_step(error why) const;
  task<> confirm_tag(const desired_item& item, const longshore::digest& d);
  task<> try_once(const desired_item& item, const manifest_document& root, tag_check check, attempt& a);

  const copy_world* world_;
  std::string repository_;
  sync_progress* progress_;
  std::set<longshore::digest> sparse_;
  std::map<longshore::digest, error> refused_referrers_;
};

}  // namespace longshore::engine
