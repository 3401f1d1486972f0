#include "engine/manifest.h"

#include <boost/json.hpp>
#include <limits>
#include <unordered_set>

#include "engine/base64.h"

namespace longshore::engine {
namespace {

namespace json = boost::json;

constexpr std::size_t nesting_max = 64;

std::unexpected<error> malformed(std::string what) { return fail(errc::invalid, "malformed manifest: " + what); }

const json::value* field(const json::object& of, std::string_view name) {
  const json::value* v = of.if_contains({name.data(), name.size()});
  return v == nullptr || v->is_null() ? nullptr : v;
}

result<std::string_view> text_field(const json::object& of, std::string_view name) {
  const json::value* v = field(of, name);
  if (v == nullptr) return std::string_view();
  if (!v->is_string()) return malformed(std::string(name) + " is not a string");
  return std::string_view(v->get_string());
}

// errc::unsupported for a digest that the specification's grammar allows and that nobody here can verify.
result<digest> digest_from(std::string_view text) {
  auto d = digest::parse(text);
  if (d) return d;
  const std::size_t colon = text.find(':');
  const bool other = colon != std::string_view::npos && colon > 0 && colon + 1 < text.size() &&
                     !text.starts_with("sha256:") && !text.starts_with("sha512:") && text.size() <= 256;
  if (other) {
    return fail(errc::unsupported, "the manifest refers to content by a digest algorithm that cannot be verified: " +
                                       std::string(text.substr(0, colon)));
  }
  return malformed("a descriptor's digest is not a digest");
}

// The kinds of blob that stand where only manifests should (BuildKit's cache, as an index): layers, configs, and
// the cache's own config.
bool is_known_blob(std::string_view type) {
  return type.starts_with("application/vnd.oci.image.layer.") ||
         type.starts_with("application/vnd.oci.image.config.") ||
         type.starts_with("application/vnd.docker.image.rootfs.") ||
         type.starts_with("application/vnd.docker.container.image.") ||
         type.starts_with("application/vnd.buildkit.cacheconfig.") || type == media_type::octet_stream;
}

class reader {
 public:
  explicit reader(const json::object& document) : document_(&document) {}

  result<manifest> as_image() {
    out_.kind = manifest_kind::image;
    if (const json::value* config = field(*document_, "config")) {
      if (auto r = add(*config, copy_as::blob); !r) return pass(std::move(r));
      if (config->is_object()) out_.artifact_type = optional_text(config->get_object(), "mediaType");
    }
    if (auto r = add_all("layers", [](std::string_view) { return copy_as::blob; }); !r) return pass(std::move(r));
    return with_subject();
  }
  result<manifest> as_index() {
    out_.kind = manifest_kind::index;
    auto r = add_all("manifests", [](std::string_view type) {
      return is_manifest(type) ? copy_as::manifest : is_known_blob(type) ? copy_as::blob : copy_as::either;
    });
    if (!r) return pass(std::move(r));
    return with_subject();
  }
  result<manifest> as_artifact() {
    out_.kind = manifest_kind::artifact;
    if (auto r = add_all("blobs", [](std::string_view) { return copy_as::blob; }); !r) return pass(std::move(r));
    return with_subject();
  }
  result<manifest> as_schema1() {
    out_.kind = manifest_kind::schema1;
    auto layers = array_field("fsLayers");
    if (!layers) return pass(std::move(layers));
    if (*layers == nullptr) return malformed("schema 1 without fsLayers");
    for (const json::value& layer : **layers) {
      if (!layer.is_object()) return malformed("an fsLayer is not an object");
      auto sum = text_field(layer.get_object(), "blobSum");
      if (!sum) return pass(std::move(sum));
      auto d = digest_from(*sum);
      if (!d) return pass(std::move(d));
      if (seen_.insert(d->text()).second) {
        out_.references.push_back({{std::string(media_type::octet_stream), *d, 0}, copy_as::blob, false, {}});
      }
    }
    return std::move(out_);
  }
  result<manifest> as_opaque() { return with_subject(); }

 private:
  result<const json::array*> array_field(std::string_view name) {
    const json::value* v = field(*document_, name);
    if (v == nullptr) return static_cast<const json::array*>(nullptr);
    if (!v->is_array()) return malformed(std::string(name) + " is not a list");
    if (v->get_array().size() > manifest_references_max) {
      return fail(errc::too_large,
                  "the manifest refers to more than " + std::to_string(manifest_references_max) + " things");
    }
    return &v->get_array();
  }

  template <class How>
  result<void> add_all(std::string_view name, How how) {
    auto list = array_field(name);
    if (!list) return pass(std::move(list));
    if (*list == nullptr) return {};
    for (const json::value& v : **list) {
      if (!v.is_object()) return malformed("an entry of " + std::string(name) + " is not a descriptor");
      auto type = text_field(v.get_object(), "mediaType");
      if (!type) return pass(std::move(type));
      if (auto r = add(v, how(*type)); !r) return r;
    }
    return {};
  }

  result<void> add(const json::value& v, copy_as as) {
    auto r = descriptor_from(v);
    if (!r) return pass(std::move(r));
    r->as = as;
    if (as != copy_as::manifest && is_foreign_layer(r->target.media_type)) {
      out_.foreign.push_back(std::move(r->target));
    } else if (seen_.insert(r->target.digest.text()).second) {
      out_.references.push_back(*std::move(r));
    }
    return {};
  }

  result<manifest_reference> descriptor_from(const json::value& v) {
    if (!v.is_object()) return malformed("a descriptor is not an object");
    const json::object& o = v.get_object();
    auto type = text_field(o, "mediaType");
    if (!type) return pass(std::move(type));
    auto text = text_field(o, "digest");
    if (!text) return pass(std::move(text));
    auto d = digest_from(*text);
    if (!d) return pass(std::move(d));
    manifest_reference r{{std::string(*type), *std::move(d), 0}, copy_as::blob, false, {}};
    if (const json::value* size = field(o, "size")) {
      if (!size->is_int64() || size->get_int64() < 0) return malformed("a descriptor's size is not a size");
      r.target.size = static_cast<std::uint64_t>(size->get_int64());
      r.size_known = true;
    }
    describe(o, r.target);
    auto data = text_field(o, "data");
    if (!data) return pass(std::move(data));
    if (!data->empty()) {
      // Embedded bytes are a convenience (image-spec descriptor.md): those that do not match are not used.
      auto bytes = from_base64(*data, base64_alphabet::standard);
      if (bytes && r.size_known && bytes->size() == r.target.size &&
          digest::of(*bytes, r.target.digest.algorithm()) == r.target.digest) {
        r.data = *std::move(bytes);
      }
    }
    return r;
  }

  // What only filters look at never makes a manifest malformed.
  static std::string optional_text(const json::object& of, std::string_view name) {
    const json::value* v = field(of, name);
    return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
  }
  static void describe(const json::object& o, descriptor& to) {
    to.artifact_type = optional_text(o, "artifactType");
    if (const json::value* p = field(o, "platform"); p != nullptr && p->is_object()) {
      const std::string variant = optional_text(p->get_object(), "variant");
      to.platform = optional_text(p->get_object(), "os") + "/" + optional_text(p->get_object(), "architecture");
      if (!variant.empty()) to.platform += "/" + variant;
    }
    if (const json::value* a = field(o, "annotations"); a != nullptr && a->is_object()) {
      to.attests = optional_text(a->get_object(), "vnd.docker.reference.digest");
    }
  }

  result<manifest> with_subject() {
    if (auto type = optional_text(*document_, "artifactType"); !type.empty()) out_.artifact_type = std::move(type);
    if (const json::value* subject = field(*document_, "subject")) {
      auto r = descriptor_from(*subject);
      if (!r) return pass(std::move(r));
      out_.subject = std::move(r->target);
    }
    return std::move(out_);
  }

  const json::object* document_;
  manifest out_;
  std::unordered_set<std::string> seen_;
};

manifest_kind kind_by_type(std::string_view type) {
  if (is_index(type)) return manifest_kind::index;
  if (type == media_type::docker_manifest || type == media_type::oci_manifest) return manifest_kind::image;
  if (type == media_type::docker_schema1 || type == media_type::docker_schema1_signed) return manifest_kind::schema1;
  if (is_manifest(type)) return manifest_kind::artifact;
  return manifest_kind::opaque;
}

manifest_kind kind_by_shape(const json::object& o) {
  const auto is_list = [&](std::string_view name) {
    const json::value* v = field(o, name);
    return v != nullptr && v->is_array();
  };
  if (is_list("manifests")) return manifest_kind::index;
  if (is_list("fsLayers")) return manifest_kind::schema1;
  if (is_list("layers")) return manifest_kind::image;
  if (is_list("blobs")) return manifest_kind::artifact;
  return manifest_kind::opaque;
}

}  // namespace

result<manifest> parse_manifest(std::string_view type, std::string_view bytes) {
  if (bytes.size() > manifest_bytes_max) {
    return fail(errc::too_large, "manifest of " + std::to_string(bytes.size()) + " bytes is over the limit of " +
                                     std::to_string(manifest_bytes_max));
  }
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = nesting_max;
  json::monotonic_resource memory;
  const json::value document = json::parse({bytes.data(), bytes.size()}, ec, &memory, options);
  manifest_kind kind = kind_by_type(type);
  if (ec || !document.is_object()) {
    // Of a type nobody knows, anything may be a manifest; it cannot refer to anything that could be found.
    const bool is_json = type.empty() || type == "application/json";
    if (kind == manifest_kind::opaque && !is_json) return manifest{};
    return malformed(ec ? ec.message() : "not a JSON object");
  }
  const json::object& o = document.get_object();
  if (kind == manifest_kind::opaque) {
    auto own = text_field(o, "mediaType");
    if (!own) return pass(std::move(own));
    kind = kind_by_type(*own);
  }
  if (kind == manifest_kind::opaque) kind = kind_by_shape(o);
  reader r(o);
  switch (kind) {
    case manifest_kind::image:
      return r.as_image();
    case manifest_kind::index:
      return r.as_index();
    case manifest_kind::schema1:
      return r.as_schema1();
    case manifest_kind::artifact:
      return r.as_artifact();
    case manifest_kind::opaque:
      return r.as_opaque();
  }
  return malformed("unknown kind");
}

}  // namespace longshore::engine
