#pragma once

// The media type of a manifest that is kept without one: distribution's storage, and what an OCI layout holds but
// does not list.
//
// By the document alone: schemaVersion 1 is schema 1; then its own mediaType; then its shape (image-spec: `manifests`
// is an index, `config` and `layers` an image). None: it is not a manifest. Total; pure; any thread.

#include <optional>
#include <string>
#include <string_view>

namespace longshore::api {

std::optional<std::string> infer_manifest_type(std::string_view bytes);

}  // namespace longshore::api
