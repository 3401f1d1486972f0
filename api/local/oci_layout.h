#pragma once

// An OCI image layout directory as a registry, to read or to write: `oci:DIR`.
//
// Contracts of the verbs: engine/registry.h. A layout has no repositories: every verb takes any repository's name for
// it, and list_repositories() answers the one of the options. Blobs are shared by all, so that every mount of one that
// is there succeeds. Writing verbs return when disk has what they wrote; see
// finish(). A registry for reading answers writing verbs
// with errc::unsupported. For the rules of index.json and deletions, see layout_store.h.
// One executor; files are read and written on its own threads, index.json on one of them. Readers and writers it gave
// must not outlive it. At most one process at a time has a directory open for writing (errc::busy).

#include <filesystem>
#include <memory>

#include "api/blocking_pool.h"
#include "api/local/layout_store.h"
#include "engine/registry.h"

namespace longshore::api {

struct oci_layout_options {
  std::filesystem::path directory;
  layout_access access = layout_access::read;
  std::string repository = "image";  // what list_repositories() answers
  std::string name;                  // empty: oci:DIR
  std::size_t page_size = 1'000;
  std::size_t threads = 4;
  file_calls* files = &system_files();
  index_entries needed = index_entries::all;
};

class oci_layout final : public engine::registry {
 public:
  // Blocks. Errors: layout_store::open().
  static result<std::unique_ptr<oci_layout>> open(oci_layout_options options);

  std::string name() const override { return options_.name; }
  const local_directory& directory() const { return store_.directory(); }
  // Lists on disk what was put without a name (layout_store.h). It may go on being written.
  engine::task<> finish();
  engine::task<bool> holds_an_image();
  engine::task<engine::manifest_document> get_manifest(std::string repository, std::string ref) override;
  engine::task<std::optional<digest>> resolve(std::string repository, std::string ref) override;
  engine::task<digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                    std::string bytes) override;
  engine::task<> delete_tag(std::string repository, std::string tag) override;
  engine::task<> delete_manifest(std::string repository, digest d) override;
  engine::task<std::optional<std::uint64_t>> stat_blob(std::string repository, digest d) override;
  engine::task<std::unique_ptr<engine::blob_reader>> open_blob(std::string repository, digest d,
                                                               std::uint64_t offset) override;
  engine::task<std::unique_ptr<engine::blob_writer>> begin_blob(std::string repository, digest d, std::uint64_t size,
                                                                std::optional<std::string> mount_from) override;
  engine::task<engine::tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  engine::task<engine::tag_page> list_repositories(std::optional<std::string> next) override;
  engine::task<std::vector<engine::descriptor>> referrers(std::string repository, digest d) override;

 private:
  oci_layout(oci_layout_options options, layout_store store);
  result<void> check_writable() const;
  result<std::optional<std::uint64_t>> size_of(const digest& d) const;

  oci_layout_options options_;
  layout_store store_;      // its verbs: on the index thread; its directory: on any
  blocking_pool index_{1};  // a single thread, so that changes of index.json come one after the other
  blocking_pool blobs_;
};

}  // namespace longshore::api
