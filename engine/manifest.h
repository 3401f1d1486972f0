#pragma once

// A manifest of any kind, understood as far as replication needs: what it refers to, and how each thing referred
// to is to be copied.
//
// Formats: Docker image manifest v2 schema 1 and 2 and manifest list (distribution docs/spec), OCI image-spec
// manifest.md and image-index.md, OCI artifact manifest (image-spec 1.1-rc), BuildKit's cache in both of its forms
// (an index whose entries are layers, or an image manifest).
// Total: any bytes give a manifest or errc::invalid (malformed), errc::too_large (over a limit below) or
// errc::unsupported (a digest algorithm that cannot be verified); never a crash. Pure; any thread.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/descriptor.h"
#include "storage/env/result.h"

namespace longshore::engine {

// Distribution takes 4 MiB; the specification asks for at least that.
inline constexpr std::size_t manifest_bytes_max = 8u << 20;
inline constexpr std::size_t manifest_references_max = 65'536;

enum class manifest_kind : std::uint8_t {
  image,     // config and layers
  index,     // manifests[]
  schema1,   // fsLayers[], signed or not
  artifact,  // blobs[]
  opaque     // nothing known about it: it refers to nothing
};

enum class copy_as : std::uint8_t {
  blob,
  manifest,
  either  // an index entry of unknown type: a manifest if the source has one by that digest, else a blob
};

struct manifest_reference {
  descriptor target;
  copy_as as = copy_as::blob;
  bool size_known = true;  // schema 1 tells no sizes
  std::string data;        // content embedded in the descriptor, when it has the descriptor's digest and size
};

struct manifest {
  manifest_kind kind = manifest_kind::opaque;
  std::vector<manifest_reference> references;  // each digest once, in the manifest's order; no foreign layers
  std::optional<descriptor> subject;           // always a manifest
  std::vector<descriptor> foreign;             // layers that are not to be uploaded
  std::string artifact_type;                   // artifactType, else the config's media type
};

// media_type as the registry served it; when it says nothing (empty, application/json, unknown), the document's own
// mediaType and shape decide.
result<manifest> parse_manifest(std::string_view media_type, std::string_view bytes);

// The digest by which registries know the manifest. For schema 1 with signatures: of the payload that was signed.
// errc::invalid when a schema 1 manifest's signatures do not say what the payload is.
result<longshore::digest> manifest_digest(std::string_view media_type, std::string_view bytes,
                                          digest_algorithm algorithm = digest_algorithm::sha256);

}  // namespace longshore::engine
