#include "api/local/layout_index.h"

#include <algorithm>
#include <boost/json.hpp>

#include "engine/reference.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

constexpr std::string_view name_key = "org.opencontainers.image.ref.name";

std::unexpected<error> damaged(const std::string& what) { return fail(errc::corrupt, "damaged index: " + what); }

const json::value* field(const json::object& of, std::string_view name) {
  const json::value* v = of.if_contains({name.data(), name.size()});
  return v == nullptr || v->is_null() ? nullptr : v;
}

// "host/app:v1" -> "v1"; empty when there is none.
std::string_view tag_of(std::string_view name) {
  const std::size_t colon = name.rfind(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view tag = name.substr(colon + 1);
  return engine::is_tag(tag) && name.find('@') == std::string_view::npos ? tag : std::string_view();
}

result<layout_entry> entry_from(const json::object& o) {
  layout_entry out{{{}, digest::of(""), 0}, {}};
  const json::value* text = field(o, "digest");
  if (text == nullptr || !text->is_string()) return damaged("an entry has no digest");
  auto d = digest::parse(std::string_view(text->get_string()));
  if (!d) return damaged(d.error().text);
  out.target.digest = *std::move(d);
  if (const json::value* type = field(o, "mediaType")) {
    if (!type->is_string()) return damaged("a mediaType is not a string");
    out.target.media_type = std::string_view(type->get_string());
  }
  const json::value* size = field(o, "size");
  if (size == nullptr || !size->is_int64() || size->get_int64() < 0) return damaged("an entry has no size");
  out.target.size = static_cast<std::uint64_t>(size->get_int64());
  if (const json::value* notes = field(o, "annotations")) {
    if (!notes->is_object()) return damaged("annotations are not an object");
    if (const json::value* name = field(notes->get_object(), name_key)) {
      if (!name->is_string()) return damaged("a name is not a string");
      out.name = std::string_view(name->get_string());
    }
  }
  return out;
}

}  // namespace

layout_index::layout_index() : document_{{"schemaVersion", 2}, {"mediaType", engine::media_type::oci_index}} {}

result<layout_index> layout_index::parse(std::string_view bytes) {
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 64;
  json::value document = json::parse({bytes.data(), bytes.size()}, ec, {}, options);
  if (ec || !document.is_object()) return damaged(ec ? ec.message() : "not a JSON object");
  layout_index out;
  out.document_ = std::move(document.get_object());
  const json::value* list = out.document_.if_contains("manifests");
  if (list == nullptr) return damaged("it has no list of manifests");
  if (!list->is_null() && !list->is_array()) return damaged("manifests is not a list");
  if (list->is_array()) {
    if (list->get_array().size() > index_entries_max) {
      return fail(errc::too_large, "the index lists more than " + std::to_string(index_entries_max) + " manifests");
    }
    for (const json::value& v : list->get_array()) {
      if (!v.is_object()) return damaged("an entry is not an object");
      auto entry = entry_from(v.get_object());
      if (!entry) return pass(std::move(entry));
      out.entries_.push_back(*std::move(entry));
      out.count(out.entries_.back(), 1);
      out.raw_.push_back(v.get_object());
    }
  }
  out.document_.erase("manifests");
  return out;
}

const layout_entry* layout_index::find(std::string_view tag) const {
  if (tag.empty()) return nullptr;
  const layout_entry* similar = nullptr;
  bool ambiguous = false;
  for (const layout_entry& e : entries_) {
    if (e.name == tag) return &e;
    if (tag_of(e.name) != tag) continue;
    ambiguous = ambiguous || (similar != nullptr && similar->target.digest != e.target.digest);
    if (similar == nullptr) similar = &e;
  }
  return ambiguous ? nullptr : similar;
}

const layout_entry* layout_index::find(const digest& d) const {
  if (!listed_.contains(d)) return nullptr;
  const auto at = std::ranges::find_if(entries_, [&](const layout_entry& e) { return e.target.digest == d; });
  return at == entries_.end() ? nullptr : &*at;
}

std::vector<std::string> layout_index::tags() const {
  std::set<std::string, std::less<>> exact, ambiguous;
  std::map<std::string, const layout_entry*, std::less<>> similar;
  for (const layout_entry& e : entries_) {
    if (engine::is_tag(e.name)) exact.insert(e.name);
    const std::string_view tag = tag_of(e.name);
    if (tag.empty()) continue;
    const auto [at, fresh] = similar.emplace(tag, &e);
    if (!fresh && at->second->target.digest != e.target.digest) ambiguous.emplace(tag);
  }
  for (const auto& [tag, e] : similar) {
    if (!ambiguous.contains(tag)) exact.insert(tag);
  }
  return {exact.begin(), exact.end()};
}

template <class Which>
bool layout_index::remove_where(Which which) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    if (which(entries_[i])) {
      count(entries_[i], -1);
      changes_.push_back({entries_[i].target, false});
      continue;
    }
    if (kept != i) {
      entries_[kept] = std::move(entries_[i]);
      raw_[kept] = std::move(raw_[i]);
    }
    ++kept;
  }
  const bool any = kept != entries_.size();
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(kept), entries_.end());
  raw_.erase(raw_.begin() + static_cast<std::ptrdiff_t>(kept), raw_.end());
  return any;
}

void layout_index::append(const engine::descriptor& d, std::string_view name) {
  json::object raw{{"mediaType", d.media_type}, {"digest", d.digest.text()}, {"size", d.size}};
  if (!name.empty()) raw["annotations"] = json::object{{name_key, name}};
  entries_.push_back({d, std::string(name)});
  count(entries_.back(), 1);
  changes_.push_back({d, true});
  raw_.push_back(std::move(raw));
}

void layout_index::count(const layout_entry& e, int more) {
  const auto at = listed_.try_emplace(e.target.digest).first;
  at->second.all += more;
  if (e.name.empty()) at->second.unnamed += more;
  if (at->second.all == 0) listed_.erase(at);
}

void layout_index::set_tag(std::string_view tag, const engine::descriptor& d) {
  const layout_entry* now = find(tag);
  // A whole reference stays the name that other tools know the image by.
  const std::string name = now == nullptr ? std::string(tag) : now->name;
  remove_where(
      [&](const layout_entry& e) { return e.name == name || (e.name.empty() && e.target.digest == d.digest); });
  append(d, name);
}

void layout_index::add(const engine::descriptor& d) {
  if (find(d.digest) == nullptr) append(d, {});
}

bool layout_index::remove_tag(std::string_view tag) {
  const layout_entry* now = find(tag);
  if (now == nullptr) return false;
  const std::string name = now->name;
  return remove_where([&](const layout_entry& e) { return e.name == name; });
}

bool layout_index::remove(const digest& d) {
  if (!listed_.contains(d)) return false;
  return remove_where([&](const layout_entry& e) { return e.target.digest == d; });
}

bool layout_index::remove_unnamed(const std::set<digest>& which) {
  const bool any = std::ranges::any_of(which, [&](const digest& d) {
    const auto at = listed_.find(d);
    return at != listed_.end() && at->second.unnamed > 0;
  });
  return any && remove_where([&](const layout_entry& e) { return e.name.empty() && which.contains(e.target.digest); });
}

std::string layout_index::text() const {
  json::object whole = document_;
  json::array list;
  for (const json::object& raw : raw_) list.push_back(raw);
  whole["manifests"] = std::move(list);
  return json::serialize(whole);
}

}  // namespace longshore::api
