#pragma once

// Images of every kind that registries hold, made of a few words of text and put into a memory registry whole.

#include <string>
#include <vector>

#include "tests/support/memory/memory_registry.h"

namespace longshore::engine::testing {

// {"mediaType":type,"digest":...,"size":...,more}
std::string descriptor_json(std::string_view type, const digest& d, std::uint64_t size, std::string_view more = {});

// Each adds its content to the repository and returns the manifest's digest; layers are blobs of the given texts.
digest add_docker_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers);
digest add_oci_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers,
                     std::string_view more = {});  // further fields of the manifest, with a leading comma
digest add_schema1_image(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers,
                         bool with_signature);
// An index of manifests that are there already.
digest add_index(memory_registry& to, const std::string& repository, const std::vector<digest>& children,
                 std::string_view type = media_type::oci_index);
// BuildKit's cache as an index whose entries are layers and its config.
digest add_cache_index(memory_registry& to, const std::string& repository, const std::vector<std::string>& layers);
// An image manifest with a layer that may not be distributed, and is not there.
digest add_image_with_foreign_layer(memory_registry& to, const std::string& repository, const std::string& layer);

std::string to_base64(std::string_view bytes, bool url_safe);
// A schema 1 document with a JSON signature whose payload is `payload`.
std::string with_schema1_signature(const std::string& payload);

}  // namespace longshore::engine::testing
