#include "api/local/oci_layout.h"

#include "api/local/file_blobs.h"
#include "api/local/name_pages.h"

namespace longshore::api {

using engine::task;

oci_layout::oci_layout(oci_layout_options options, layout_store store)
    : options_(std::move(options)), store_(std::move(store)), blobs_(std::max<std::size_t>(options_.threads, 1)) {}

result<std::unique_ptr<oci_layout>> oci_layout::open(oci_layout_options options) {
  auto store = layout_store::open(options.directory, options.access, *options.files, options.needed);
  if (!store) return pass(std::move(store));
  if (options.name.empty()) options.name = "oci:" + options.directory.string();
  return std::unique_ptr<oci_layout>(new oci_layout(std::move(options), *std::move(store)));
}

task<bool> oci_layout::holds_an_image() {
  co_return co_await index_.run([&] { return store_.holds_an_image(); });
}

task<> oci_layout::finish() {
  co_return co_await index_.run([&] { return store_.flush(); });
}

result<void> oci_layout::check_writable() const {
  if (options_.access == layout_access::write) return {};
  return fail(errc::unsupported, name() + " is open for reading only");
}

task<engine::manifest_document> oci_layout::get_manifest(std::string, std::string ref) {
  co_return co_await index_.run([&] { return store_.get(ref); });
}

task<std::optional<digest>> oci_layout::resolve(std::string, std::string ref) {
  co_return co_await index_.run([&] { return store_.resolve(ref); });
}

task<digest> oci_layout::put_manifest(std::string, std::string ref, std::string media_type, std::string bytes) {
  if (auto r = check_writable(); !r) co_return pass(std::move(r));
  co_return co_await index_.run([&] { return store_.put(ref, media_type, bytes); });
}

task<> oci_layout::delete_tag(std::string, std::string tag) {
  if (auto r = check_writable(); !r) co_return r;
  co_return co_await index_.run([&] { return store_.delete_tag(tag); });
}

task<> oci_layout::delete_manifest(std::string, digest d) {
  if (auto r = check_writable(); !r) co_return r;
  co_return co_await index_.run([&] { return store_.delete_manifest(d); });
}

result<std::optional<std::uint64_t>> oci_layout::size_of(const digest& d) const {
  auto file = store_.directory().open_file(layout_blob_path(d));
  if (file) return std::optional(file->size);
  if (file.error().code == errc::not_found) return std::optional<std::uint64_t>();
  return pass(std::move(file));
}

task<std::optional<std::uint64_t>> oci_layout::stat_blob(std::string, digest d) {
  co_return co_await blobs_.run([&] { return size_of(d); });
}

task<std::unique_ptr<engine::blob_reader>> oci_layout::open_blob(std::string, digest d, std::uint64_t offset) {
  const std::string path = layout_blob_path(d);
  auto file = co_await blobs_.run([&] { return store_.directory().open_file(path); });
  if (!file) co_return pass(std::move(file));
  const std::string shown = store_.directory().shown(path);
  co_return file_blob_reader::start(blobs_, *options_.files, *std::move(file), std::move(d), offset, shown);
}

task<std::unique_ptr<engine::blob_writer>> oci_layout::begin_blob(std::string, digest d, std::uint64_t,
                                                                  std::optional<std::string> mount_from) {
  if (auto r = check_writable(); !r) co_return pass(std::move(r));
  if (mount_from) {
    auto held = co_await blobs_.run([&] { return size_of(d); });
    if (!held) co_return pass(std::move(held));
    if (*held) co_return std::unique_ptr<engine::blob_writer>();
  }
  auto file = co_await blobs_.run([&] { return store_.directory().begin_file(); });
  if (!file) co_return pass(std::move(file));
  co_return std::make_unique<file_blob_writer>(blobs_, *std::move(file), d.algorithm(), &layout_blob_path);
}

task<engine::tag_page> oci_layout::list_tags(std::string, std::optional<std::string> next) {
  auto names = co_await index_.run([&] { return store_.tags(); });
  if (!names) co_return pass(std::move(names));
  co_return page_of(*names, next, options_.page_size);
}

task<engine::tag_page> oci_layout::list_repositories(std::optional<std::string> next) {
  co_return page_of({options_.repository}, next, options_.page_size);
}

task<std::vector<engine::descriptor>> oci_layout::referrers(std::string, digest d) {
  co_return co_await index_.run([&] { return store_.referrers(d); });
}

}  // namespace longshore::api
