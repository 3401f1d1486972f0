#pragma once

// OCI descriptor and media types: image-spec descriptor.md, and Docker's registered types.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/digest.h"

namespace longshore::engine {

namespace media_type {
inline constexpr std::string_view docker_schema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view docker_schema1_signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_artifact = "application/vnd.oci.artifact.manifest.v1+json";
inline constexpr std::string_view octet_stream = "application/octet-stream";
}  // namespace media_type

// Every manifest type there is: what a GET of a manifest must accept, lest a registry converts or hides it.
std::span<const std::string_view> manifest_media_types();
bool is_manifest(std::string_view type);
bool is_index(std::string_view type);
// Docker foreign and OCI nondistributable layers: by media type, never by the presence of urls (image-spec layer.md).
bool is_foreign_layer(std::string_view type);

struct descriptor {
  std::string media_type;
  longshore::digest digest;
  std::uint64_t size = 0;
  std::string platform = {};       // "os/architecture[/variant]", of an index entry that tells
  std::string artifact_type = {};  // where it tells
  std::string attests = {};        // the digest of the entry that this one is an attestation of (BuildKit)
};

}  // namespace longshore::engine
