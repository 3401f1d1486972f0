#pragma once

// One source registry seen under the names that its content has at a target: a repository here is a target's, and is
// read from the repository it is routed to.
//
// For reading alone: writing and deleting verbs are errc::unsupported. A repository without a route is
// errc::not_found. Routes are added before use; the registry must outlive it. One executor.

#include <map>

#include "engine/registry.h"

namespace longshore::engine {

class routed_registry final : public registry {
 public:
  explicit routed_registry(registry& source) : source_(&source) {}
  // False: that name is routed elsewhere already.
  bool route(const std::string& repository, const std::string& to);

  std::string name() const override { return source_->name(); }
  std::string repository_read(const std::string& repository) const override;
  task<manifest_document> get_manifest(std::string repository, std::string ref) override;
  task<std::optional<longshore::digest>> resolve(std::string repository, std::string ref) override;
  task<longshore::digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                       std::string bytes) override;
  task<> delete_tag(std::string repository, std::string tag) override;
  task<> delete_manifest(std::string repository, longshore::digest d) override;
  task<std::optional<std::uint64_t>> stat_blob(std::string repository, longshore::digest d) override;
  task<std::unique_ptr<blob_reader>> open_blob(std::string repository, longshore::digest d,
                                               std::uint64_t offset) override;
  task<std::unique_ptr<blob_writer>> begin_blob(std::string repository, longshore::digest d, std::uint64_t size,
                                                std::optional<std::string> mount_from) override;
  task<tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  task<tag_page> list_repositories(std::optional<std::string> next) override;
  task<std::vector<descriptor>> referrers(std::string repository, longshore::digest d) override;
  task<std::vector<descriptor>> referrers_within(std::string repository, longshore::digest d,
                                                 std::size_t most) override;

 private:
  result<std::string> at(const std::string& repository) const;
  std::unexpected<error> read_only() const;

  registry* source_;
  std::map<std::string, std::string> routes_;
};

}  // namespace longshore::engine
