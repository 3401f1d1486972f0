#include "api/local/empty_registry.h"

namespace longshore::api {

using engine::task;

std::unexpected<error> empty_registry::lacks(const std::string& what) const {
  return fail(errc::not_found, "no " + what + " in " + name_ + ", which is not there yet");
}

std::unexpected<error> empty_registry::takes_nothing() const {
  return fail(errc::unsupported, name_ + " is not there yet");
}

task<engine::manifest_document> empty_registry::get_manifest(std::string, std::string ref) {
  co_return lacks("manifest " + ref);
}

task<std::optional<digest>> empty_registry::resolve(std::string, std::string) { co_return std::optional<digest>(); }

task<digest> empty_registry::put_manifest(std::string, std::string, std::string, std::string) {
  co_return takes_nothing();
}

task<> empty_registry::delete_tag(std::string, std::string) { co_return takes_nothing(); }

task<> empty_registry::delete_manifest(std::string, digest) { co_return takes_nothing(); }

task<std::optional<std::uint64_t>> empty_registry::stat_blob(std::string, digest) {
  co_return std::optional<std::uint64_t>();
}

task<std::unique_ptr<engine::blob_reader>> empty_registry::open_blob(std::string, digest d, std::uint64_t) {
  co_return lacks("blob " + d.text());
}

task<std::unique_ptr<engine::blob_writer>> empty_registry::begin_blob(std::string, digest, std::uint64_t,
                                                                      std::optional<std::string>) {
  co_return takes_nothing();
}

task<engine::tag_page> empty_registry::list_tags(std::string, std::optional<std::string>) {
  co_return engine::tag_page();
}

task<engine::tag_page> empty_registry::list_repositories(std::optional<std::string>) { co_return engine::tag_page(); }

task<std::vector<engine::descriptor>> empty_registry::referrers(std::string, digest) {
  co_return std::vector<engine::descriptor>();
}

}  // namespace longshore::api
