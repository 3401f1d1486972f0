#include "api/local/distribution_storage.h"

#include "api/local/file_blobs.h"
#include "api/local/manifest_type.h"
#include "api/local/name_pages.h"
#include "engine/manifest.h"
#include "engine/reference.h"

namespace longshore::api {
namespace {

using engine::task;

constexpr std::uint64_t link_bytes_max = 1'024;
constexpr std::size_t name_bytes_max = 255;

std::string data_path(const digest& d) {
  const std::string hex(d.hex());
  return std::string("blobs/") + (d.algorithm() == digest_algorithm::sha256 ? "sha256/" : "sha512/") +
         hex.substr(0, 2) + "/" + hex + "/data";
}

std::string link_path(const std::string& folder, const digest& d) {
  const char* algorithm = d.algorithm() == digest_algorithm::sha256 ? "/sha256/" : "/sha512/";
  return folder + algorithm + std::string(d.hex()) + "/link";
}

result<std::string> repository_path(const std::string& repository) {
  if (!engine::is_repository_name(repository))
    return fail(errc::invalid, "'" + repository + "' is not a repository's name");
  return "repositories/" + repository;
}

std::unexpected<error> read_only(const std::string& name) {
  return fail(errc::unsupported, name + " is only read: copy to a registry, or to an OCI layout");
}

std::unexpected<error> no_manifest(const std::string& repository, const std::string& ref) {
  return fail(errc::not_found, "MANIFEST_UNKNOWN: " + repository + " has no manifest " + ref);
}

}  // namespace

result<std::unique_ptr<distribution_storage>> distribution_storage::open(distribution_storage_options options) {
  for (const char* below : {"docker/registry/v2", "registry/v2", "v2", ""}) {
    auto directory = local_directory::open(options.directory / below, *options.files);
    if (!directory && directory.error().code == errc::not_found && *below != '\0') continue;
    if (!directory) return pass(std::move(directory));
    auto found = directory->has_directory("repositories");
    if (!found) return pass(std::move(found));
    if (*found) {
      return std::unique_ptr<distribution_storage>(new distribution_storage(std::move(options), *std::move(directory)));
    }
  }
  return fail(errc::invalid, options.directory.string() +
                                 " is not the storage directory of a registry: it has no "
                                 "docker/registry/v2/repositories");
}

result<std::optional<digest>> distribution_storage::read_link(const std::string& path) const {
  auto text = directory_.read_file(path, link_bytes_max);
  if (!text && text.error().code == errc::not_found) return std::optional<digest>();
  if (!text) return pass(std::move(text));
  while (text->ends_with('\n') || text->ends_with('\r') || text->ends_with(' ')) text->pop_back();
  auto d = digest::parse(*text);
  if (!d) {
    return fail(errc::corrupt, directory_.shown(path) + " does not hold a digest; push again what it belongs to");
  }
  return std::optional(*std::move(d));
}

result<std::optional<digest>> distribution_storage::linked_blob(const std::string& repository, const digest& d) const {
  auto path = repository_path(repository);
  if (!path) return pass(std::move(path));
  return read_link(link_path(*path + "/_layers", d));
}

result<std::optional<digest>> distribution_storage::linked_manifest(const std::string& repository,
                                                                    const std::string& ref) const {
  auto path = repository_path(repository);
  if (!path) return pass(std::move(path));
  std::optional<digest> d;
  if (ref.find(':') != std::string::npos) {
    auto parsed = digest::parse(ref);
    if (!parsed) return pass(std::move(parsed));
    d = *std::move(parsed);
  } else {
    if (!engine::is_tag(ref)) return fail(errc::invalid, "'" + ref + "' is not a tag");
    auto current = read_link(*path + "/_manifests/tags/" + ref + "/current/link");
    if (!current || !*current) return current;
    d = **std::move(current);
  }
  auto revision = read_link(link_path(*path + "/_manifests/revisions", *d));
  if (!revision || !*revision) return revision;
  return d;
}

result<local_directory::opened> distribution_storage::open_data(const digest& d, const std::string& asked_for) const {
  auto file = directory_.open_file(data_path(d));
  if (!file && file.error().code == errc::not_found) {
    return fail(errc::corrupt, directory_.shown(data_path(d)) + " is missing, but linked as " + asked_for +
                                   "; push again what needs it");
  }
  return file;
}

result<engine::manifest_document> distribution_storage::read_manifest(const std::string& repository,
                                                                      const std::string& ref) const {
  auto d = linked_manifest(repository, ref);
  if (!d) return pass(std::move(d));
  if (!*d) return no_manifest(repository, ref);
  const std::string path = data_path(**d);
  auto bytes = directory_.read_file(path, engine::manifest_bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) {
    return fail(errc::corrupt, directory_.shown(path) + " is missing, but linked as " + repository + ":" + ref +
                                   "; push the image again");
  }
  if (!bytes) return pass(std::move(bytes));
  if (digest::of(*bytes, (*d)->algorithm()) != **d) {
    return fail(errc::corrupt,
                directory_.shown(path) + " does not have the digest it is named by; push the image again");
  }
  auto type = infer_manifest_type(*bytes);
  if (!type) return fail(errc::corrupt, directory_.shown(path) + " is linked as a manifest, and is none");
  return engine::manifest_document{*std::move(type), *std::move(bytes), **std::move(d)};
}

task<engine::manifest_document> distribution_storage::get_manifest(std::string repository, std::string ref) {
  co_return co_await pool_.run([&] { return read_manifest(repository, ref); });
}

task<std::optional<digest>> distribution_storage::resolve(std::string repository, std::string ref) {
  co_return co_await pool_.run([&] { return linked_manifest(repository, ref); });
}

task<std::optional<std::uint64_t>> distribution_storage::stat_blob(std::string repository, digest d) {
  co_return co_await pool_.run([&]() -> result<std::optional<std::uint64_t>> {
    auto target = linked_blob(repository, d);
    if (!target) return pass(std::move(target));
    if (!*target) return std::optional<std::uint64_t>();
    auto file = open_data(**target, d.text());
    if (!file) return pass(std::move(file));
    return std::optional(file->size);
  });
}

task<std::unique_ptr<engine::blob_reader>> distribution_storage::open_blob(std::string repository, digest d,
                                                                           std::uint64_t offset) {
  std::string shown;
  auto file = co_await pool_.run([&]() -> result<local_directory::opened> {
    auto target = linked_blob(repository, d);
    if (!target) return pass(std::move(target));
    if (!*target) return fail(errc::not_found, "BLOB_UNKNOWN: " + repository + " does not link " + d.text());
    shown = directory_.shown(data_path(**target));
    return open_data(**target, d.text());
  });
  if (!file) co_return pass(std::move(file));
  co_return file_blob_reader::start(pool_, *options_.files, *std::move(file), std::move(d), offset, std::move(shown));
}

result<std::vector<std::string>> distribution_storage::tags_of(const std::string& repository) const {
  auto path = repository_path(repository);
  if (!path) return pass(std::move(path));
  auto names = directory_.list(*path + "/_manifests/tags", options_.names_max);
  if (!names && names.error().code == errc::not_found) {
    auto there = directory_.has_directory(*path + "/_layers");
    if (there && !*there) there = directory_.has_directory(*path + "/_manifests");
    if (!there) return pass(std::move(there));
    if (!*there) return fail(errc::not_found, "NAME_UNKNOWN: no repository " + repository);
    return std::vector<std::string>();
  }
  if (!names) return names;
  std::vector<std::string> tags;
  for (std::string& name : *names) {
    if (!engine::is_tag(name)) continue;
    // A deleted tag may leave its directory behind.
    auto current = directory_.open_file(*path + "/_manifests/tags/" + name + "/current/link");
    if (!current && current.error().code != errc::not_found) return pass(std::move(current));
    if (current) tags.push_back(std::move(name));
  }
  return tags;
}

// Depth first; names nest, so that a repository may hold others. Bounded by a name's length and by names_max.
result<std::vector<std::string>> distribution_storage::repositories() const {
  std::vector<std::string> found, open{""};
  std::size_t seen = 0;
  while (!open.empty()) {
    const std::string at = std::move(open.back());
    open.pop_back();
    auto names = directory_.list(at.empty() ? "repositories" : "repositories/" + at, options_.names_max);
    // A plain file, or gone meanwhile.
    if (!names && names.error().code == errc::not_found && !at.empty()) continue;
    if (!names) return names;
    seen += names->size();
    if (seen > options_.names_max) {
      return fail(errc::too_large, name() + " holds more than " + std::to_string(options_.names_max) + " names");
    }
    bool is_repository = false;
    for (const std::string& entry : *names) {
      is_repository = is_repository || entry == "_manifests" || entry == "_layers";
      std::string below = at.empty() ? entry : at + "/" + entry;
      if (entry.starts_with('_') || below.size() > name_bytes_max || !engine::is_repository_name(below)) continue;
      open.push_back(std::move(below));
    }
    if (is_repository && !at.empty()) found.push_back(at);
  }
  std::ranges::sort(found);
  return found;
}

task<engine::tag_page> distribution_storage::list_tags(std::string repository, std::optional<std::string> next) {
  auto names = co_await pool_.run([&] { return tags_of(repository); });
  if (!names) co_return pass(std::move(names));
  co_return page_of(*names, next, options_.page_size);
}

task<engine::tag_page> distribution_storage::list_repositories(std::optional<std::string> next) {
  if (!next || listing_.empty()) {
    auto names = co_await pool_.run([&] { return repositories(); });
    if (!names) co_return pass(std::move(names));
    listing_ = *std::move(names);
  }
  co_return page_of(listing_, next, options_.page_size);
}

task<std::vector<engine::descriptor>> distribution_storage::referrers(std::string, digest) {
  co_return fail(errc::unsupported, "Distribution has no referrers; they are found by their tags");
}

task<digest> distribution_storage::put_manifest(std::string, std::string, std::string, std::string) {
  co_return read_only(name());
}

task<> distribution_storage::delete_tag(std::string, std::string) { co_return read_only(name()); }

task<> distribution_storage::delete_manifest(std::string, digest) { co_return read_only(name()); }

task<std::unique_ptr<engine::blob_writer>> distribution_storage::begin_blob(std::string, digest, std::uint64_t,
                                                                            std::optional<std::string>) {
  co_return read_only(name());
}

}  // namespace longshore::api
