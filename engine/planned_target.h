#pragma once

// A target that is looked at and not changed: what would be written is answered as if it had been.
//
// Reading verbs are the target's own. put_manifest() answers with the digest of what it was given, deletions succeed,
// and nothing reaches the target. begin_blob() is errc::unsupported: whoever plans does not open uploads
// (copier_options::dry_run). The target must outlive it. One executor.

#include "engine/registry.h"

namespace longshore::engine {

class planned_target final : public registry {
 public:
  explicit planned_target(registry& target) : target_(&target) {}

  std::string name() const override { return target_->name(); }
  task<manifest_document> get_manifest(std::string repository, std::string ref) override {
    return target_->get_manifest(std::move(repository), std::move(ref));
  }
  task<std::optional<longshore::digest>> resolve(std::string repository, std::string ref) override {
    return target_->resolve(std::move(repository), std::move(ref));
  }
  task<longshore::digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                       std::string bytes) override;
  task<> delete_tag(std::string repository, std::string tag) override;
  task<> delete_manifest(std::string repository, longshore::digest d) override;
  task<std::optional<std::uint64_t>> stat_blob(std::string repository, longshore::digest d) override {
    return target_->stat_blob(std::move(repository), std::move(d));
  }
  task<std::unique_ptr<blob_reader>> open_blob(std::string repository, longshore::digest d,
                                               std::uint64_t offset) override {
    return target_->open_blob(std::move(repository), std::move(d), offset);
  }
  task<std::unique_ptr<blob_writer>> begin_blob(std::string repository, longshore::digest d, std::uint64_t size,
                                                std::optional<std::string> mount_from) override;
  task<tag_page> list_tags(std::string repository, std::optional<std::string> next) override {
    return target_->list_tags(std::move(repository), std::move(next));
  }
  task<tag_page> list_repositories(std::optional<std::string> next) override {
    return target_->list_repositories(std::move(next));
  }
  task<std::vector<descriptor>> referrers(std::string repository, longshore::digest d) override {
    return target_->referrers(std::move(repository), std::move(d));
  }
  task<std::vector<descriptor>> referrers_within(std::string repository, longshore::digest d,
                                                 std::size_t most) override {
    return target_->referrers_within(std::move(repository), std::move(d), most);
  }

 private:
  registry* target_;
};

}  // namespace longshore::engine
