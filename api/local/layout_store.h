#pragma once

// The manifests of one OCI image layout directory: index.json, and the blobs that are manifests.
//
// Verbs block and belong to one thread at a time: that is what serialises changes of index.json. Other tools may write
// it, too: each verb looks whether it is still the file that was read last. What a writing verb changed is on disk when
// it returns, but for one thing: that a manifest without a name is listed is written with the next tag or deletion, or
// by flush(), so that index.json is written once for an image, not for each of its manifests. (Dropping the store tries
// that, too.) Until then the manifest is had by digest alone, after a crash as well.
// A manifest need not be listed: every blob that is one (manifest_type.h) can be had by digest. index.json lists what
// has a name, and what nothing else refers to; a child leaves it when its index arrives.
// Refuses a manifest whose content is not there (rejected; but with index_entries::some, an index may come without some
// of its manifests, as the image layout specification lets it), and to delete one that a listed index contains
// (rejected). A damaged file is errc::corrupt and names the file.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/local/layout_index.h"
#include "api/local/layout_reach.h"
#include "api/local/local_directory.h"
#include "engine/manifest.h"
#include "engine/registry.h"

namespace longshore::api {

// plan: as a writer looks at it, and nothing is changed.
enum class layout_access : std::uint8_t { read, write, plan };
enum class index_entries : std::uint8_t { all, some };  // that have to be there when an index is written

// "blobs/<algorithm>/<hex>"
std::string layout_blob_path(const digest& d);

class layout_store {
 public:
  // read: errc::invalid unless it is a layout. write: made, or completed, when nothing is there but what a broken-off
  // set-up leaves; errc::invalid for any other directory; errc::busy while another writes. plan: errc::not_found where
  // `write` would make one.
  static result<layout_store> open(const std::filesystem::path& path, layout_access access, file_calls& files,
                                   index_entries needed = index_entries::all);

  ~layout_store();
  layout_store(layout_store&&) = default;

  const local_directory& directory() const { return directory_; }

  result<engine::manifest_document> get(const std::string& ref);
  result<std::optional<digest>> resolve(const std::string& ref);
  result<digest> put(const std::string& ref, const std::string& media_type, const std::string& bytes);
  result<void> delete_tag(const std::string& tag);
  result<void> delete_manifest(const digest& d);
  result<std::vector<std::string>> tags();
  // Whether the index lists anything, with a name or without.
  result<bool> holds_an_image();
  result<std::vector<engine::descriptor>> referrers(const digest& d);
  // Lists on disk what was put without a name.
  result<void> flush();

 private:
  layout_store(local_directory directory, layout_access access, index_entries needed)
      : directory_(std::move(directory)), access_(access), needed_(needed) {}

  static result<void> check(const local_directory& directory);
  // errc::invalid where something else is in the way of a layout; false: there is none yet.
  static result<bool> is_layout(const local_directory& directory);
  static result<void> set_up(const local_directory& directory);
  // As it is on disk, and what is yet to be listed there.
  result<layout_index*> index();
  result<void> write_index();
  void forget_index();
  result<engine::manifest_document> read_manifest(const digest& d, const std::string& listed_type) const;
  result<const manifest_facts*> facts_of(const engine::descriptor& d);
  // What the index leads to, found once and then kept up; damaged manifests lead no further.
  layout_reach& reach();
  // The same, all of it or errc::corrupt.
  result<layout_reach*> whole_reach();
  void follow_changes();
  result<bool> holds(const digest& d) const;
  result<void> check_content(const engine::manifest& m) const;

  local_directory directory_;
  layout_access access_;
  index_entries needed_;
  std::map<digest, manifest_facts> known_;
  std::optional<layout_index> index_;              // none: to be read
  file_stamp stamp_;                               // of the file that it was read from or written to
  std::optional<layout_reach> reach_;              // of index_; none: to be found
  std::map<digest, engine::descriptor> unlisted_;  // put without a name, and not yet listed on disk
};

}  // namespace longshore::api
