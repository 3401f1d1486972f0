#include "api/local/manifest_type.h"

#include <boost/json.hpp>

#include "engine/manifest.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

bool has_list(const json::object& o, std::string_view name) {
  const json::value* v = o.if_contains({name.data(), name.size()});
  return v != nullptr && v->is_array();
}

std::optional<std::string> by_shape(const json::object& o) {
  if (has_list(o, "manifests")) return std::string(engine::media_type::oci_index);
  if (has_list(o, "layers")) return std::string(engine::media_type::oci_manifest);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> infer_manifest_type(std::string_view bytes) {
  // A blob of any size may be asked about; most are no JSON, which their first byte tells.
  if (bytes.size() > engine::manifest_bytes_max) return std::nullopt;
  const std::size_t first = bytes.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos || bytes[first] != '{') return std::nullopt;
  boost::system::error_code ec;
  json::parse_options options;
  options.max_depth = 64;
  json::monotonic_resource memory;
  const json::value document = json::parse({bytes.data(), bytes.size()}, ec, &memory, options);
  if (ec || !document.is_object()) return std::nullopt;
  const json::object& o = document.get_object();
  const json::value* version = o.if_contains("schemaVersion");
  const std::int64_t schema = version != nullptr && version->is_int64() ? version->get_int64() : 0;
  if (schema == 1) {
    if (!has_list(o, "fsLayers")) return std::nullopt;
    return std::string(has_list(o, "signatures") ? engine::media_type::docker_schema1_signed
                                                 : engine::media_type::docker_schema1);
  }
  const json::value* own = o.if_contains("mediaType");
  if (own != nullptr && own->is_string() && !own->get_string().empty()) {
    const std::string type(std::string_view(own->get_string()));
    // The artifact manifests of old have no schemaVersion.
    if (schema == 2 || engine::is_manifest(type)) return type;
  }
  return schema == 2 ? by_shape(o) : std::nullopt;
}

}  // namespace longshore::api
