#pragma once

// What a copy takes away from its target when it is asked to (`--delete`): tags that the source no longer has.
//
// weigh() takes a repository's whole listing at the source, before anything is copied there, and lists the target;
// remove() comes when its copies have ended; hold() in between says what went wrong there. Nothing is deleted in a
// repository that was not weighed, that is held, whose source lists no tag at all, or that would lose more than
// share_max of its tags (of those the target had before the copy and the filter takes). A tag goes when the source,
// asked for it by itself, has it not; by its name, or, where the target cannot do that, by its digest: then only when
// the source does not serve that manifest any more and no tag that stays at the target has or includes it.
// Tags that the filter leaves out stay, and under a tag filter accessory tags too.
// on_end is told of each tag that went or has to stay, and once of a repository in which nothing is deleted.
// One repository at a time in remove(), one executor; the world must outlive it.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/copy_world.h"
#include "engine/tag_contents.h"
#include "engine/tag_listing.h"

namespace longshore::engine {

struct copy_removal_options {
  bool on = false;
  bool dry_run = false;                     // tell, and change nothing
  bool deletes_by_name = false;             // the target is known to: a plan need not leave that open
  double share_max = 0.5;                   // of a repository's tags
  std::size_t tags_max = 1'000'000;         // of one repository
  std::map<std::string, std::string> held;  // repositories in which nothing is deleted, and why
};

struct removal_end {
  std::string repository, tag;  // tag empty: all that were to go
  std::size_t tags = 1;
  std::string digest;        // when known
  std::string note;          // of a plan: on what it depends
  std::optional<error> why;  // it stays; none: it went
};

// Why the manifest of `doomed` may not be deleted by digest for the sake of a tag; nothing: it may.
// contents: of the whole repository. doomed: all tags that are to go.
std::optional<std::string> reason_to_keep(const longshore::digest& d, const std::vector<tag_content>& contents,
                                          const tag_names& doomed, bool source_has_manifest);

class copy_removal {
 public:
  using on_end = std::function<void(removal_end)>;
  copy_removal(const copy_world& world, copy_removal_options options, on_end told)
      : world_(&world), options_(std::move(options)), told_(std::move(told)) {}

  task<> weigh(std::string repository, tag_names at_source);
  void hold(const std::string& repository, std::string why);
  std::vector<std::string> repositories() const;  // that have something to delete
  // Fails where another try may help (it goes on with what is left) or no other tag would fare better: give_up() then.
  task<> remove(std::string repository);
  void give_up(const std::string& repository, error why);

 private:
  struct gone_tags {
    tag_names tags;
    std::size_t of = 0;  // tags at the target that could be deleted
    bool source_is_empty = false, confirmed = false;
    std::string held;
  };
  std::optional<error> reason_to_hold(const gone_tags& g) const;
  task<> confirm(const std::string& repository, gone_tags& g);
  task<> remove_by_name(const std::string& repository, gone_tags& g);
  task<> remove_by_digest(const std::string& repository, gone_tags& g);
  task<std::optional<error>> erase_manifest(const std::string& repository, const tag_content& of);
  task<> forget(const std::string& repository, const std::string& tag, std::optional<longshore::digest> d);
  void settle(gone_tags& g, removal_end end);

  const copy_world* world_;
  copy_removal_options options_;
  on_end told_;
  std::map<std::string, gone_tags> gone_;
  bool by_name_ = true;  // until the target says that it cannot
};

}  // namespace longshore::engine
