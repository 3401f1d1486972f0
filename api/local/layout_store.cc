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

manifest_facts facts_from(const engine::descriptor& self, const engine::manifest& m) {
  manifest_facts f{self, std::nullopt, {}};
  if (m.subject) f.subject = m.subject->digest;
  for (const engine::manifest_reference& r : m.references) {
    // What is of unknown type shows by its content whether it is a manifest.
    if (r.as == engine::copy_as::manifest) f.children.push_back(r.target);
    if (r.as == engine::copy_as::either) f.children.push_back({{}, r.target.digest, r.target.size});
  }
  return f;
}

}  // namespace

std::string layout_blob_path(const digest& d) {
  return (d.algorithm() == digest_algorithm::sha256 ? "blobs/sha256/" : "blobs/sha512/") + std::string(d.hex());
}

result<layout_store> layout_store::open(const std::filesystem::path& path, layout_access access, file_calls& files,
                                        index_entries needed) {
  const bool writes = access == layout_access::write;
  auto directory = writes ? local_directory::create(path, files) : local_directory::open(path, files);
  if (!directory) return pass(std::move(directory));
  if (writes) {
    if (auto r = directory->lock(); !r) return pass(std::move(r));
    if (auto r = set_up(*directory); !r) return pass(std::move(r));
  }
  if (access == layout_access::plan) {
    auto there = is_layout(*directory);
    if (!there) return pass(std::move(there));
    if (!*there) return fail(errc::not_found, "no OCI image layout in " + path.string());
  }
  if (auto r = check(*directory); !r) return pass(std::move(r));
  layout_store store(*std::move(directory), access, needed);
  if (auto index = store.index(); !index) return pass(std::move(index));
  return store;
}

layout_store::~layout_store() {
  // Who must know calls flush() before.
  const auto tried = flush();
  static_cast<void>(tried);
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

result<bool> layout_store::is_layout(const local_directory& directory) {
  auto names = directory.list("", set_up_names_max);
  if (!names) return pass(std::move(names));
  if (std::ranges::binary_search(*names, layout_file)) return true;
  for (const std::string& name : *names) {
    if (name == "blobs" || name == index_file || name.starts_with(".longshore-")) continue;
    return fail(errc::invalid, directory.path().string() + " is not empty and not an OCI image layout (it holds " +
                                   name + "); name another directory");
  }
  return false;
}

// The file that makes it a layout comes last.
result<void> layout_store::set_up(const local_directory& directory) {
  auto there = is_layout(directory);
  if (!there) return pass(std::move(there));
  if (auto r = directory.sweep(); !r) return r;
  for (const char* blobs : {"blobs/sha256", "blobs/sha512"}) {
    if (auto r = directory.make_directories(blobs); !r) return r;
  }
  if (*there) return {};
  auto index = directory.open_file(std::string(index_file));
  if (!index && index.error().code != errc::not_found) return pass(std::move(index));
  if (!index) {
    if (auto r = directory.write_file(std::string(index_file), layout_index().text()); !r) return r;
  }
  return directory.write_file(std::string(layout_file), layout_text);
}

result<layout_index*> layout_store::index() {
  auto file = directory_.open_file(std::string(index_file));
  if (!file && file.error().code == errc::not_found) {
    forget_index();
    return fail(errc::corrupt, directory_.shown(index_file) + " is missing; copy the layout again from where it came");
  }
  if (!file) return pass(std::move(file));
  if (index_ && file->stamp == stamp_) return &*index_;
  forget_index();
  auto bytes = directory_.read_file(std::string(index_file), index_bytes_max);
  if (!bytes) return pass(std::move(bytes));
  auto read = layout_index::parse(*bytes);
  if (!read) return pass(std::move(read), directory_.shown(index_file) + "; restore it from where it came");
  index_ = *std::move(read);
  // Of before it was read: what was written meanwhile is read again.
  stamp_ = file->stamp;
  for (const auto& [d, unlisted] : unlisted_) index_->add(unlisted);
  index_->take_changes();
  return &*index_;
}

void layout_store::forget_index() {
  index_.reset();
  reach_.reset();
}

// After a failure the file is what it was, or what it was to be: it is read again.
result<void> layout_store::write_index() {
  auto file = directory_.begin_file();
  if (!file) return forget_index(), pass(std::move(file));
  auto written = file->write(index_->text());
  auto stamp = file->stamp();
  if (written && stamp) written = file->publish(std::string(index_file));
  if (!written || !stamp) {
    forget_index();
    return written ? pass(std::move(stamp)) : written;
  }
  stamp_ = *stamp;
  unlisted_.clear();
  return {};
}

result<bool> layout_store::holds_an_image() {
  auto now = index();
  if (!now) return pass(std::move(now));
  return !(*now)->entries().empty();
}

result<void> layout_store::flush() {
  if (unlisted_.empty()) return {};
  if (auto read = index(); !read) return pass(std::move(read));
  return write_index();
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
  auto now = index();
  if (!now) return pass(std::move(now));
  if (is_digest_text(ref)) {
    auto d = digest::parse(ref);
    if (!d) return pass(std::move(d));
    const layout_entry* listed = (*now)->find(*d);
    auto document = read_manifest(*d, listed == nullptr ? std::string() : listed->target.media_type);
    if (!document && document.error().code == errc::not_found) return no_such(ref, directory_);
    return document;
  }
  const layout_entry* entry = (*now)->find(ref);
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
    auto now = index();
    if (!now) return pass(std::move(now));
    const layout_entry* entry = (*now)->find(ref);
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
    if (needed_ == index_entries::some && r.as != engine::copy_as::blob) continue;
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

  auto now = index();
  if (!now) return pass(std::move(now));
  layout_index& index = **now;
  const engine::descriptor self{media_type, *named, bytes.size()};
  std::set<digest> below;
  for (const engine::manifest_reference& r : m->references) below.insert(r.target.digest);
  if (known_.size() < known_max) known_.try_emplace(*named, facts_from(self, *m));
  if (by_digest) reach();
  if (reach_) reach_->arrived(self, [this](const engine::descriptor& d) { return facts_of(d); });
  if (!by_digest) {
    index.set_tag(ref, self);
    index.remove_unnamed(below);
    follow_changes();
    if (auto r = write_index(); !r) return pass(std::move(r));
    return *named;
  }
  // A damaged manifest elsewhere only costs an entry that need not be.
  if (reach().contains(*named)) return *named;
  index.add(self);
  index.remove_unnamed(below);
  follow_changes();
  for (const digest& d : below) unlisted_.erase(d);
  unlisted_.emplace(*named, self);
  return *named;
}

result<void> layout_store::delete_tag(const std::string& tag) {
  auto now = index();
  if (!now) return pass(std::move(now));
  if (!(*now)->remove_tag(tag)) return no_such(tag, directory_);
  follow_changes();
  return write_index();
}

result<void> layout_store::delete_manifest(const digest& d) {
  auto now = index();
  if (!now) return pass(std::move(now));
  const bool listed = (*now)->find(d) != nullptr;
  if (!listed) {
    auto there = resolve(d.text());
    if (!there) return pass(std::move(there));
    if (!*there) return no_such(d.text(), directory_);
  }
  if (auto whole = whole_reach(); !whole) return pass(std::move(whole));
  (*now)->remove(d);
  follow_changes();
  if (reach().contains(d)) {
    forget_index();
    return fail(errc::rejected, d.text() + " is part of an index that stays; delete that one first");
  }
  if (listed) {
    const auto unlisted = unlisted_.extract(d);
    if (auto r = write_index(); !r) return r;
  }
  known_.erase(d);
  auto removed = directory_.remove_file(layout_blob_path(d));
  if (!removed && removed.error().code != errc::not_found) return removed;
  return {};
}

result<std::vector<std::string>> layout_store::tags() {
  auto now = index();
  if (!now) return pass(std::move(now));
  return (*now)->tags();
}

result<const manifest_facts*> layout_store::facts_of(const engine::descriptor& d) {
  if (const auto at = known_.find(d.digest); at != known_.end()) return &at->second;
  if (known_.size() >= known_max) {
    return fail(errc::too_large,
                directory_.path().string() + " holds more than " + std::to_string(known_max) + " manifests");
  }
  auto document = read_manifest(d.digest, d.media_type);
  if (!document) return pass(std::move(document));
  auto m = engine::parse_manifest(document->media_type, document->bytes);
  if (!m) return pass(std::move(m), directory_.shown(layout_blob_path(d.digest)));
  const engine::descriptor self{document->media_type, d.digest, document->bytes.size()};
  return &known_.emplace(d.digest, facts_from(self, *m)).first->second;
}

layout_reach& layout_store::reach() {
  if (reach_) return *reach_;
  reach_.emplace();
  for (const layout_entry& e : index_->entries()) {
    reach_->hold(e.target, [this](const engine::descriptor& d) { return facts_of(d); });
  }
  return *reach_;
}

result<layout_reach*> layout_store::whole_reach() {
  // It may have been mended.
  if (reach_ && reach_->damage()) reach_.reset();
  layout_reach& found = reach();
  if (found.damage()) return std::unexpected(*found.damage());
  return &found;
}

// Those that came first, so that what both lead to is not let go of and found again.
void layout_store::follow_changes() {
  const auto changes = index_->take_changes();
  if (!reach_) return;
  for (const layout_index::change& c : changes) {
    if (c.listed) reach_->hold(c.target, [this](const engine::descriptor& d) { return facts_of(d); });
  }
  for (const layout_index::change& c : changes) {
    if (!c.listed) reach_->release(c.target.digest);
  }
}

result<std::vector<engine::descriptor>> layout_store::referrers(const digest& d) {
  if (auto now = index(); !now) return pass(std::move(now));
  auto whole = whole_reach();
  if (!whole) return pass(std::move(whole));
  return (*whole)->referrers(d);
}

}  // namespace longshore::api
