#pragma once

// The registry that is not there yet: it holds nothing, and takes nothing.
//
// Reading verbs answer as a new, empty layout does; writing ones are errc::unsupported. For plans of copies to files
// that the copy would make (engine/planned_target.h stands before it).

#include <string>

#include "engine/registry.h"

namespace longshore::api {

class empty_registry final : public engine::registry {
 public:
  explicit empty_registry(std::string name) : name_(std::move(name)) {}

  std::string name() const override { return name_; }
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
  std::unexpected<error> lacks(const std::string& what) const;
  std::unexpected<error> takes_nothing() const;

  std::string name_;
};

}  // namespace longshore::api
