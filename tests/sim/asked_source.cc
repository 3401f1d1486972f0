#include "tests/sim/asked_source.h"

#include "storage/env/ensure.h"

namespace longshore::sim {
namespace {

std::unexpected<error> not_its_business() {
  ensure(false, "a reconcile asked for more than lists and digests");
  return fail(errc::unsupported, "not for a reconcile");
}

}  // namespace

engine::task<std::optional<digest>> asked_source::resolve(std::string repository, std::string ref) {
  co_return co_await of_->memory_registry::resolve(std::move(repository), std::move(ref));
}
engine::task<engine::tag_page> asked_source::list_tags(std::string repository, std::optional<std::string> next) {
  co_return co_await of_->list_tags(std::move(repository), std::move(next));
}
engine::task<engine::tag_page> asked_source::list_repositories(std::optional<std::string> next) {
  co_return co_await of_->list_repositories(std::move(next));
}

engine::task<engine::manifest_document> asked_source::get_manifest(std::string, std::string) {
  co_return not_its_business();
}
engine::task<digest> asked_source::put_manifest(std::string, std::string, std::string, std::string) {
  co_return not_its_business();
}
engine::task<> asked_source::delete_tag(std::string, std::string) { co_return not_its_business(); }
engine::task<> asked_source::delete_manifest(std::string, digest) { co_return not_its_business(); }
engine::task<std::optional<std::uint64_t>> asked_source::stat_blob(std::string, digest) {
  co_return not_its_business();
}
engine::task<std::unique_ptr<engine::blob_reader>> asked_source::open_blob(std::string, digest, std::uint64_t) {
  co_return not_its_business();
}
engine::task<std::unique_ptr<engine::blob_writer>> asked_source::begin_blob(std::string, digest, std::uint64_t,
                                                                            std::optional<std::string>) {
  co_return not_its_business();
}
engine::task<std::vector<engine::descriptor>> asked_source::referrers(std::string, digest) {
  co_return not_its_business();
}

}  // namespace longshore::sim
