#pragma once

// The source as the primary's reconcile asks it: the same registry, and what it answers is not entered in the book,
// since the secondary was not told.

#include "tests/sim/watched_registry.h"

namespace longshore::sim {

class asked_source final : public engine::registry {
 public:
  explicit asked_source(watched_source& of) : of_(&of) {}

  std::string name() const override { return of_->name(); }
  engine::task<std::optional<digest>> resolve(std::string repository, std::string ref) override;
  engine::task<engine::tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  engine::task<engine::tag_page> list_repositories(std::optional<std::string> next) override;

  // A reconcile has no business with these: a breach when it asks.
  engine::task<engine::manifest_document> get_manifest(std::string, std::string) override;
  engine::task<digest> put_manifest(std::string, std::string, std::string, std::string) override;
  engine::task<> delete_tag(std::string, std::string) override;
  engine::task<> delete_manifest(std::string, digest) override;
  engine::task<std::optional<std::uint64_t>> stat_blob(std::string, digest) override;
  engine::task<std::unique_ptr<engine::blob_reader>> open_blob(std::string, digest, std::uint64_t) override;
  engine::task<std::unique_ptr<engine::blob_writer>> begin_blob(std::string, digest, std::uint64_t,
                                                                std::optional<std::string>) override;
  engine::task<std::vector<engine::descriptor>> referrers(std::string, digest) override;

 private:
  watched_source* of_;
};

}  // namespace longshore::sim
