#pragma once

// A registry over HTTP: engine::registry for the OCI distribution-spec, tolerant of what real registries do.
//
// Contracts of the verbs are in engine/registry.h. What they refuse besides: names outside the specification's
// grammar (invalid), manifests over 8 MiB and listings over 16 MiB or 400,000 names a page (too_large), listings whose
// next page is on another host or is the same page again (corrupt). Names outside the grammar are left out of listings.
// Referrers are unsupported where the registry says three times in a row, or in Distribution's own words, that there is
// no such API; one that has listed some is unavailable when it does not.
// A 404 to a HEAD has no body to tell "not there" from a proxy's page: it is asked again with GET.
// One executor; readers and writers it gave must not outlive it; the clock must outlive it.

#include <memory>

#include "api/blob_upload.h"
#include "api/registry_blobs.h"

namespace longshore::api {

struct registry_options {
  std::string address;  // https://host[:port] or http://host[:port]
  http_options http;
  credential_source credentials;       // empty: anonymous
  std::optional<shared_key> shared;    // instead: self-signed pull-only tokens
  bool allow_local_redirects = false;  // redirects, upload addresses and token services on this machine
  int page_size = 1'000;
  std::uint64_t large_bytes = 64u << 20;  // blobs over this go in chunks of it, each of which an upload can go on from
};

class registry_client final : public engine::registry {
 public:
  // errc::invalid for an address with a path, another scheme, or an unusable ca_file.
  static result<std::unique_ptr<registry_client>> create(boost::asio::any_io_executor executor, clock& now,
                                                         registry_options options);

  std::string name() const override { return session_.registry().authority(); }
  task<engine::manifest_document> get_manifest(std::string repository, std::string ref) override;
  task<std::optional<longshore::digest>> resolve(std::string repository, std::string ref) override;
  task<std::optional<longshore::digest>> resolve_again(std::string repository, std::string ref,
                                                       longshore::digest known) override;
  task<longshore::digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                       std::string bytes) override;
  task<> delete_tag(std::string repository, std::string tag) override;
  task<> delete_manifest(std::string repository, longshore::digest d) override;
  task<std::optional<std::uint64_t>> stat_blob(std::string repository, longshore::digest d) override;
  task<std::unique_ptr<engine::blob_reader>> open_blob(std::string repository, longshore::digest d,
                                                       std::uint64_t offset) override;
  task<std::unique_ptr<engine::blob_writer>> begin_blob(std::string repository, longshore::digest d, std::uint64_t size,
                                                        std::optional<std::string> mount_from) override;
  task<std::unique_ptr<engine::blob_writer>> resume_blob(std::string repository, longshore::digest d,
                                                         std::uint64_t size, engine::upload_session kept) override;
  task<engine::tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  task<engine::tag_page> list_repositories(std::optional<std::string> next) override;
  task<std::vector<engine::descriptor>> referrers(std::string repository, longshore::digest d) override;
  task<std::vector<engine::descriptor>> referrers_within(std::string repository, longshore::digest d,
                                                         std::size_t most) override;

  // Reachable, speaks the protocol, takes the credentials (GET /v2/).
  task<> ping();
  const http_counters& counters() const { return http_->counters(); }

 private:
  static constexpr std::size_t referrers_max = 100'000;

  registry_client(std::unique_ptr<http_client> http, clock& now, url registry, registry_options options);
  std::unexpected<error> refusal(const http_response& answer, const std::string& doing,
                                 const std::vector<std::string>& scopes) const;
  task<std::optional<longshore::digest>> resolve_unless(std::string repository, std::string ref,
                                                        std::optional<longshore::digest> known);
  std::unexpected<error> no_referrers_api(const http_response& answer);
  task<std::optional<std::uint64_t>> stat_by_get(std::string repository, longshore::digest d);
  task<> erase(std::string repository, std::string ref);
  // Null: mounted. not_found: no session, because the mount was refused.
  task<std::unique_ptr<engine::blob_writer>> begin_upload(std::string repository, longshore::digest d,
                                                          std::uint64_t size, std::optional<std::string> from);
  // What is listed, and which of its names count.
  struct listing {
    std::string path, member, doing, scope, repository;
    bool (*is_name)(std::string_view);
  };
  task<engine::tag_page> list(listing what, std::optional<std::string> next);
  result<std::optional<std::string>> next_page(const http_head& answer, const std::string& current) const;

  std::unique_ptr<http_client> http_;
  clock* clock_;
  int page_size_;
  int referrers_refused_ = 0;  // times in a row
  bool lists_referrers_ = false;
  upload_habits habits_;
  authenticator auth_;
  registry_session session_;
};

}  // namespace longshore::api
