#include "tests/support/memory/images.h"

namespace longshore::engine::testing {
namespace {

constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar.gzip";
constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar+gzip";

std::string layers_json(memory_registry& to, const std::string& repository, std::string_view type,
                        const std::vector<std::string>& layers) {
  std::string out;
  for (const std::string& layer : layers) {
    if (!out.empty()) out += ",";
    out += descriptor_json(type, to.add_blob(repository, layer), layer.size());
  }
  return out;
}

std::string config_json(memory_registry& to, const std::string& repository, std::string_view type,
                        const std::vector<std::string>& layers) {
  std::string config = "{\"of\":\"";
  for (const std::string& layer : layers) config += digest::of(layer).text() + " ";
  config += "\"}";
  return descriptor_json(type, to.add_blob(repository, config), config.size());
}

}  // namespace

std::string descriptor_json(std::string_view type, const digest& d, std::uint64_t size, std::string_view more) {
  return "{\"mediaType\":\"" + std::string(type) + "\",\"digest\":\"" + d.text() +
         "\",\"size\":" + std::to_string(size) + std::string(more) + "}";
}

digest add_docker_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers) {
  const std::string type(media_type::docker_manifest);
  return to.add_manifest(repository, type,
                         "{\"schemaVersion\":2,\"mediaType\":\"" + type +
                             "\",\"config\":" + config_json(to, repository, docker_config, layers) + ",\"layers\":[" +
                             layers_json(to, repository, docker_layer, layers) + "]}");
}

digest add_oci_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers,
                     std::string_view more) {
  return to.add_manifest(repository, std::string(media_type::oci_manifest),
                         "{\"schemaVersion\":2,\"config\":" + config_json(to, repository, oci_config, layers) +
                             ",\"layers\":[" + layers_json(to, repository, oci_layer, layers) + "]" +
                             std::string(more) + "}");
}

digest add_schema1_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers,
                         bool with_signature) {
  std::string fs_layers;
  for (const std::string& layer : layers) {
    if (!fs_layers.empty()) fs_layers += ",";
    fs_layers += "{\"blobSum\":\"" + to.add_blob(repository, layer).text() + "\"}";
  }
  const std::string payload = "{\n   \"schemaVersion\": 1,\n   \"name\": \"" + repository +
                              "\",\n   \"tag\": \"v1\",\n   \"architecture\": \"amd64\",\n   \"fsLayers\": [" +
                              fs_layers + "],\n   \"history\": [{\"v1Compatibility\": \"{}\"}]\n}";
  if (!with_signature) return to.add_manifest(repository, std::string(media_type::docker_schema1), payload);
  return to.add_manifest(repository, std::string(media_type::docker_schema1_signed), with_schema1_signature(payload));
}

digest add_index(memory_registry& to, const std::string& repository, const std::vector<digest>& children,
                 std::string_view type) {
  std::string entries;
  for (const digest& d : children) {
    const manifest_document* m = to.manifest_at(repository, d.text());
    if (!entries.empty()) entries += ",";
    entries += descriptor_json(m->media_type, d, m->bytes.size());
  }
  return to.add_manifest(
      repository, std::string(type),
      "{\"schemaVersion\":2,\"mediaType\":\"" + std::string(type) + "\",\"manifests\":[" + entries + "]}");
}

digest add_cache_index(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers) {
  const std::string config = "{\"layers\":[],\"records\":[]}";
  const std::string entries =
      layers_json(to, repository, oci_layer, layers) + "," +
      descriptor_json("application/vnd.buildkit.cacheconfig.v0", to.add_blob(repository, config), config.size());
  return to.add_manifest(repository, std::string(media_type::oci_index),
                         "{\"schemaVersion\":2,\"manifests\":[" + entries + "]}");
}

digest add_image_with_foreign_layer(memory_registry& to, const std::string& repository, const std::string& layer) {
  const std::string type(media_type::docker_manifest);
  const std::string foreign = descriptor_json("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                                              digest::of("foreign"), 7, ",\"urls\":[\"https://example.com/layer\"]");
  return to.add_manifest(repository, type,
                         "{\"schemaVersion\":2,\"mediaType\":\"" + type +
                             "\",\"config\":" + config_json(to, repository, docker_config, {layer}) + ",\"layers\":[" +
                             foreign + "," + layers_json(to, repository, docker_layer, {layer}) + "]}");
}

std::string to_base64(std::string_view bytes, bool url_safe) {
  const char* alphabet = url_safe ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                                  : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<std::uint8_t>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(alphabet[(bits >> (held - 6)) & 63]);
  }
  if (held > 0) out.push_back(alphabet[(bits << (6 - held)) & 63]);
  while (!url_safe && out.size() % 4 != 0) out.push_back('=');
  return out;
}

// The signature goes between all but the payload's last two bytes and those two.
std::string with_schema1_signature(const std::string& payload) {
  const std::string head = payload.substr(0, payload.size() - 2);
  const std::string tail = payload.substr(payload.size() - 2);
  const std::string header = "{\"formatLength\":" + std::to_string(head.size()) + ",\"formatTail\":\"" +
                             to_base64(tail, true) + "\",\"time\":\"2016-01-01T00:00:00Z\"}";
  return head + ",\n   \"signatures\": [{\"header\": {\"alg\": \"ES256\"}, \"signature\": \"c2ln\", \"protected\": \"" +
         to_base64(header, true) + "\"}]" + tail;
}

}  // namespace longshore::engine::testing
