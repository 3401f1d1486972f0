#include "engine/routed_registry.h"

namespace longshore::engine {

bool routed_registry::route(const std::string& repository, const std::string& to) {
  return routes_.try_emplace(repository, to).first->second == to;
}

result<std::string> routed_registry::at(const std::string& repository) const {
  const auto found = routes_.find(repository);
  if (found == routes_.end()) return fail(errc::not_found, "nothing is copied to a repository " + repository);
  return found->second;
}

std::string routed_registry::repository_read(const std::string& repository) const {
  const auto found = routes_.find(repository);
  return found == routes_.end() ? repository : found->second;
}

std::unexpected<error> routed_registry::read_only() const {
  return fail(errc::unsupported, source_->name() + " is a source: it is only read");
}

task<manifest_document> routed_registry::get_manifest(std::string repository, std::string ref) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->get_manifest(*std::move(to), std::move(ref));
}

task<std::optional<longshore::digest>> routed_registry::resolve(std::string repository, std::string ref) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->resolve(*std::move(to), std::move(ref));
}

task<longshore::digest> routed_registry::put_manifest(std::string, std::string, std::string, std::string) {
  co_return read_only();
}

task<> routed_registry::delete_tag(std::string, std::string) { co_return read_only(); }

task<> routed_registry::delete_manifest(std::string, longshore::digest) { co_return read_only(); }

task<std::optional<std::uint64_t>> routed_registry::stat_blob(std::string repository, longshore::digest d) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->stat_blob(*std::move(to), std::move(d));
}

task<std::unique_ptr<blob_reader>> routed_registry::open_blob(std::string repository, longshore::digest d,
                                                              std::uint64_t offset) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->open_blob(*std::move(to), std::move(d), offset);
}

task<std::unique_ptr<blob_writer>> routed_registry::begin_blob(std::string, longshore::digest, std::uint64_t,
                                                               std::optional<std::string>) {
  co_return read_only();
}

task<tag_page> routed_registry::list_tags(std::string repository, std::optional<std::string> next) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->list_tags(*std::move(to), std::move(next));
}

task<tag_page> routed_registry::list_repositories(std::optional<std::string>) {
  tag_page all;
  for (const auto& [repository, to] : routes_) all.names.push_back(repository);
  co_return all;
}

task<std::vector<descriptor>> routed_registry::referrers(std::string repository, longshore::digest d) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->referrers(*std::move(to), std::move(d));
}

task<std::vector<descriptor>> routed_registry::referrers_within(std::string repository, longshore::digest d,
                                                                std::size_t most) {
  auto to = at(repository);
  if (!to) co_return pass(std::move(to));
  co_return co_await source_->referrers_within(*std::move(to), std::move(d), most);
}

}  // namespace longshore::engine
