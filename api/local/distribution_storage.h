#pragma once

// The storage directory of a CNCF Distribution registry, read without the registry: `distribution:DIR`.
//
// Layout: distribution registry/storage/paths.go, the same in versions 2 and 3. DIR is the storage's root, or any of
// docker, docker/registry, docker/registry/v2 below it. Read-only: writing verbs, and referrers(), which Distribution
// does not have either, are errc::unsupported. A registry that writes meanwhile is not waited for: stop it, or set it
// to read-only.
// A repository serves what it links: blobs by _layers, manifests by _manifests/revisions, tags by their current link
// as long as that revision is linked. Media types are not stored and inferred (manifest_type.h). Digests are verified
// on reading (file_blobs.h); a link without its data, or that is no digest, is errc::corrupt and names the file.
// One executor; files are read on its own threads. Readers must not outlive it. Links that lead out are refused.

#include <filesystem>
#include <memory>

#include "api/blocking_pool.h"
#include "api/local/local_directory.h"
#include "engine/registry.h"

namespace longshore::api {

struct distribution_storage_options {
  std::filesystem::path directory;
  std::size_t page_size = 1'000;
  std::size_t names_max = 1'000'000;  // repositories, or tags of one: too_large beyond
  std::size_t threads = 4;
  file_calls* files = &system_files();
};

class distribution_storage final : public engine::registry {
 public:
  // Blocks. errc::invalid when no storage is there.
  static result<std::unique_ptr<distribution_storage>> open(distribution_storage_options options);

  std::string name() const override { return "distribution:" + options_.directory.string(); }
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
  // The pages after the first are of the listing that the first was of.
  engine::task<engine::tag_page> list_repositories(std::optional<std::string> next) override;
  engine::task<std::vector<engine::descriptor>> referrers(std::string repository, digest d) override;

 private:
  distribution_storage(distribution_storage_options options, local_directory directory)
      : options_(std::move(options)),
        directory_(std::move(directory)),
        pool_(std::max<std::size_t>(options_.threads, 1)) {}

  result<std::optional<digest>> read_link(const std::string& path) const;
  // The data file of what the link names; none: not linked.
  result<std::optional<digest>> linked_blob(const std::string& repository, const digest& d) const;
  result<std::optional<digest>> linked_manifest(const std::string& repository, const std::string& ref) const;
  result<local_directory::opened> open_data(const digest& d, const std::string& asked_for) const;
  result<engine::manifest_document> read_manifest(const std::string& repository, const std::string& ref) const;
  result<std::vector<std::string>> tags_of(const std::string& repository) const;
  result<std::vector<std::string>> repositories() const;

  distribution_storage_options options_;
  const local_directory directory_;  // .../docker/registry/v2
  std::vector<std::string> listing_;
  blocking_pool pool_;
};

}  // namespace longshore::api
