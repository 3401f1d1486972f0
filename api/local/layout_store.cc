#include "api/local/layout_store.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "api/local/manifest_type.h"
#include "engine/manifest.h"
#include "engine/reference.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

constexpr std::string_view layout_file = "oci-layout";
constexpr std::string_view index_file = "index.json";
constexpr std::string_view layout_text = R"({"imageLayoutVersion":"1.0.0"})";
constexpr std::size_t layout_bytes_max = 64u << 10;
constexpr std::size_t known_max = 262'144;
constexpr std::size_t set_up_names_max = 1'000'000;

bool is_digest_text(std::string_view ref) { return ref.find(':') != std::string_view::npos; }

std::unexpected<error> no_such(const std::string& ref, const local_directory& in) {
  return fail(errc::not_found, "no manifest " + ref + " in " + in.path().string());
}

}  // namespace

std::string layout_blob_path(const digest& d) {
  return (d.algorithm() == digest_algorithm::sha256 ? "blobs/sha256/" : "blobs/sha512/") + std::string(d.hex());
}

result<layout_store> layout_store::open(const std::filesystem::path& path, layout_access access, file_calls& files) {
  const bool writes = access == layout_access::write;
  auto directory = writes ? local_directory::create(path, files) : local_directory::open(path, files);
  if (!directory) return pass(std::move(directory));
  if (writes) {
    if (auto r = directory->lock(); !r) return pass(std::move(r));
    if (auto r = set_up(*directory); !r) return pass(std::move(r));
  }
  if (auto r = check(*directory); !r) return pass(std::move(r));
  layout_store store(*std::move(directory), access);
  if (auto index = store.read_index(); !index) return pass(std::move(index));
  return store;
}

result<void> layout_store::check(const local_directory& directory) {
  const std::string shown = directory.shown(layout_file);
  auto bytes = directory.read_file(std::string(layout_file), layout_bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) {
    return fail(errc::invalid, directory.path().string() + " is not an OCI image layout: it has no file oci-layout");
  }
  if (!bytes) return pass(std::move(bytes));
  boost::system::error_code ec;
  const json::value document = json::parse(*bytes, ec);
  const json::value* version =
      ec || !document.is_object() ? nullptr : document.get_object().if_contains("imageLayoutVersion");
  if (version == nullptr || !version->is_string()) {
    return fail(errc::corrupt,
                shown + " does not tell the layout's version; it should read " + std::string(layout_text));
  }
  if (!std::string_view(version->get_string()).starts_with("1.")) {
    return fail(errc::unsupported, shown + " is of version " + std::string(version->get_string()) + "; 1.0.0 is known");
  }
  return {};
}

// The file that makes it a layout comes last.
result<void> layout_store::set_up(const local_directory& directory) {
  auto names = directory.list("", set_up_names_max);
  if (!names) return pass(std::move(names));
  const bool is_layout = std::ranges::binary_search(*names, layout_file);
  if (!is_layout) {
    for (const std::string& name : *names) {
      if (name == "blobs" || name == index_file || name.starts_with(".longshore-")) continue;
      return fail(errc::invalid, directory.path().string() + " is not empty and not an OCI image layout (it holds " +
                                     name + "); name another directory");
    }
  }
  if (auto r = directory.sweep(); !r) return r;
  for (const char* blobs : {"blobs/sha256", "blobs/sha512"}) {
    if (auto r = directory.make_directories(blobs); !r) return r;
  }
  if (is_layout) return {};
  if (!std::ranges::binary_search(*names, index_file)) {
    if (auto r = directory.write_file(std::string(index_file), layout_index().text()); !r) return r;
  }
  return directory.write_file(std::string(layout_file), layout_text);
}

result<layout_index> layout_store::read_index() const {
  auto bytes = directory_.read_file(std::string(index_file), index_bytes_max);
  if (!bytes && bytes.error().code == errc::not_found) {
    return fail(errc::corrupt, directory_.shown(index_file) + " is missing; copy the layout again from where it came");
  }
  if (!bytes) return pass(std::move(bytes));
  auto index = layout_index::parse(*bytes);
  if (!index) return pass(std::move(index), directory_.shown(index_file) + "; restore it from where it came");
  return index;
}

result<void> layout_store::write_index(const layout_index& index) const {
  return directory_.write_file(std::string(index_file), index.text());
}

result<engine::manifest_document> layout_store::read_manifest(const digest& d, const std::string& listed_type) const {
  const std::string path = layout_blob_path(d);
  auto bytes = directory_.read_file(path, engine::manifest_bytes_max);
  if (!bytes && bytes.error().code == errc::too_large && listed_type.empty()) return no_such(d.text(), directory_);
  if (!bytes) return pass(std::move(bytes));
  std::string type = listed_type;
  if (type.empty()) {
    auto inferred = infer_manifest_type(*bytes);
    if (!inferred) return no_such(d.text(), directory_);
    type = *std::move(inferred);
  }
  const auto plain = digest::of(*bytes, d.algorithm());
  const auto is = plain == d ? result<digest>(plain) : engine::manifest_digest(type, *bytes, d.algorithm());
  if (!is || *is != d) {
    return fail(errc::corrupt,
                directory_.shown(path) + " does not have the digest it is named by; remove it and copy it again");
  }
  return engine::manifest_document{std::move(type), *std::move(bytes), d};
}

result<engine::manifest_document> layout_store::get(const std::string& ref) {
  auto index = read_index();
  if (!index) return pass(std::move(index));
  if (is_digest_text(ref)) {
    auto d = digest::parse(ref);
    if (!d) return pass(std::move(d));
    const layout_entry* listed = index->find(*d);
    auto document = read_manifest(*d, listed == nullptr ? std::string() : listed->target.media_type);
    if (!document && document.error().code == errc::not_found) return no_such(ref, directory_);
    return document;
  }
  const layout_entry* entry = index->find(ref);
  if (entry == nullptr) return no_such(ref, directory_);
  auto document = read_manifest(entry->target.digest, entry->target.media_type);
  if (!document && document.error().code == errc::not_found) {
    return fail(errc::corrupt, directory_.shown(index_file) + " names " + entry->target.digest.text() + " for " + ref +
                                   ", which is missing; copy the image again");
  }
  return document;
}

result<std::optional<digest>> layout_store::resolve(const std::string& ref) {
  if (!is_digest_text(ref)) {
    auto index = read_index();
    if (!index) return pass(std::move(index));
    const layout_entry* entry = index->find(ref);
    if (entry == nullptr) return std::optional<digest>();
    // A target that lost the manifest is to get it again; a source that did has not lost the tag.
    auto held = access_ == layout_access::read ? result<bool>(true) : holds(entry->target.digest);
    if (!held) return pass(std::move(held));
    return *held ? std::optional(entry->target.digest) : std::nullopt;
  }
  auto document = get(ref);
  if (document) return std::optional(document->digest);
  if (document.error().code == errc::not_found) return std::optional<digest>();
  return pass(std::move(document));
}

result<bool> layout_store::holds(const digest& d) const {
  auto file = directory_.open_file(layout_blob_path(d));
  if (file) return true;
  if (file.error().code == errc::not_found) return false;
  return pass(std::move(file));
}

result<void> layout_store::check_content(const engine::manifest& m) const {
  for (const engine::manifest_reference& r : m.references) {
    auto held = holds(r.target.digest);
    if (!held) return pass(std::move(held));
    if (*held) continue;
    return fail(errc::rejected, "MANIFEST_BLOB_UNKNOWN: the manifest refers to " + r.target.digest.text() + ", which " +
                                    directory_.path().string() + " does not hold");
  }
  return {};
}

result<digest> layout_store::put(const std::string& ref, const std::string& media_type, const std::string& bytes) {
  const bool by_digest = is_digest_text(ref);
  if (!by_digest && !engine::is_tag(ref)) return fail(errc::invalid, "'" + ref + "' is not a tag");
  auto m = engine::parse_manifest(media_type, bytes);
  if (!m) return pass(std::move(m));
  auto named = by_digest ? digest::parse(ref) : engine::manifest_digest(media_type, bytes);
  if (!named) return pass(std::move(named));
  auto is = engine::manifest_digest(media_type, bytes, named->algorithm());
  if (!is) return pass(std::move(is));
  if (*is != *named) return fail(errc::rejected, "DIGEST_INVALID: the manifest's digest is " + is->text());
  if (digest::of(bytes, named->algorithm()) != *named) {
    // A layout's blobs are verified by their plain bytes, by everybody.
    return fail(errc::rejected, "MANIFEST_INVALID: a signed schema 1 manifest has no place in an OCI layout");
  }
  if (auto r = check_content(*m); !r) return pass(std::move(r));
  if (auto r = directory_.write_file(layout_blob_path(*named), bytes); !r) return pass(std::move(r));

  auto index = read_index();
  if (!index) return pass(std::move(index));
  const engine::descriptor self{media_type, *named, bytes.size()};
  if (by_digest) {
    // A damaged manifest elsewhere only costs an entry that need not be.
    const auto listed = closure(*index);
    const bool is_listed =
        listed && std::ranges::any_of(*listed, [&](const facts* f) { return f->self.digest == *named; });
    if (is_listed) return *named;
    index->add(self);
  } else {
    index->set_tag(ref, self);
  }
  for (const engine::manifest_reference& r : m->references) index->remove_unnamed(r.target.digest);
  if (auto r = write_index(*index); !r) return pass(std::move(r));
  return *named;
}

result<void> layout_store::delete_tag(const std::string& tag) {
  auto index = read_index();
  if (!index) return pass(std::move(index));
  if (!index->remove_tag(tag)) return no_such(tag, directory_);
  return write_index(*index);
}

result<void> layout_store::delete_manifest(const digest& d) {
  auto index = read_index();
  if (!index) return pass(std::move(index));
  const bool listed = index->remove(d);
  if (!listed) {
    auto there = resolve(d.text());
    if (!there) return pass(std::move(there));
    if (!*there) return no_such(d.text(), directory_);
  }
  auto others = closure(*index);
  if (!others) return pass(std::move(others));
  for (const facts* f : *others) {
    if (f->self.digest != d) continue;
    return fail(errc::rejected, d.text() + " is part of an index that stays; delete that one first");
  }
  if (listed) {
    if (auto r = write_index(*index); !r) return r;
  }
  known_.erase(d);
  auto removed = directory_.remove_file(layout_blob_path(d));
  if (!removed && removed.error().code != errc::not_found) return removed;
  return {};
}

result<std::vector<std::string>> layout_store::tags() {
  auto index = read_index();
  if (!index) return pass(std::move(index));
  return index->tags();
}

result<const layout_store::facts*> layout_store::facts_of(const engine::descriptor& d) {
  if (const auto at = known_.find(d.digest); at != known_.end()) return &at->second;
  if (known_.size() >= known_max) {
    return fail(errc::too_large,
                directory_.path().string() + " holds more than " + std::to_string(known_max) + " manifests");
  }
  auto document = read_manifest(d.digest, d.media_type);
  if (!document) return pass(std::move(document));
  auto m = engine::parse_manifest(document->media_type, document->bytes);
  if (!m) return pass(std::move(m), directory_.shown(layout_blob_path(d.digest)));
  facts f{{document->media_type, d.digest, document->bytes.size()}, std::nullopt, {}};
  if (m->subject) f.subject = m->subject->digest;
  for (const engine::manifest_reference& r : m->references) {
    // What is of unknown type shows by its content whether it is a manifest.
    if (r.as == engine::copy_as::manifest) f.children.push_back(r.target);
    if (r.as == engine::copy_as::either) f.children.push_back({{}, r.target.digest, r.target.size});
  }
  return &known_.emplace(d.digest, std::move(f)).first->second;
}

result<std::vector<const layout_store::facts*>> layout_store::closure(const layout_index& index) {
  std::vector<const facts*> found;
  std::set<digest> seen;
  std::vector<engine::descriptor> open;
  for (const layout_entry& e : index.entries()) open.push_back(e.target);
  while (!open.empty()) {
    const engine::descriptor next = std::move(open.back());
    open.pop_back();
    if (!seen.insert(next.digest).second) continue;
    auto f = facts_of(next);
    // Sparse indexes are legitimate.
    if (!f && f.error().code == errc::not_found) continue;
    if (!f) return pass(std::move(f));
    found.push_back(*f);
    open.insert(open.end(), (*f)->children.begin(), (*f)->children.end());
  }
  return found;
}

result<std::vector<engine::descriptor>> layout_store::referrers(const digest& d) {
  auto index = read_index();
  if (!index) return pass(std::move(index));
  auto all = closure(*index);
  if (!all) return pass(std::move(all));
  std::vector<engine::descriptor> found;
  for (const facts* f : *all) {
    if (f->subject == d) found.push_back(f->self);
  }
  std::ranges::sort(found, {}, [](const engine::descriptor& x) { return x.digest; });
  return found;
}

}  // namespace longshore::api
