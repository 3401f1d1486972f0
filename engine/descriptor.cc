#include "engine/descriptor.h"

#include <algorithm>
#include <array>

namespace longshore::engine {
namespace {

// ORAS artifacts from before OCI had them; some registries still serve these.
constexpr std::string_view oras_artifact = "application/vnd.cncf.oras.artifact.manifest.v1+json";

constexpr std::array manifest_types = {
    media_type::oci_index,
    media_type::oci_manifest,
    media_type::docker_list,
    media_type::docker_manifest,
    media_type::oci_artifact,
    oras_artifact,
    media_type::docker_schema1_signed,
    media_type::docker_schema1,
};

}  // namespace

std::span<const std::string_view> manifest_media_types() { return manifest_types; }

bool is_manifest(std::string_view type) { return std::ranges::find(manifest_types, type) != manifest_types.end(); }

bool is_index(std::string_view type) { return type == media_type::oci_index || type == media_type::docker_list; }

bool is_foreign_layer(std::string_view type) {
  return type == "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" ||
         type == "application/vnd.docker.image.rootfs.foreign.diff.tar" ||
         type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.");
}

}  // namespace longshore::engine
