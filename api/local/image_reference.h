#pragma once

// Where images come from or go to, as people write it on a command line.
//
//   docker://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]      a registry; without docker:// the host must look like one: it
//   HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]               has a dot or a port, or is "localhost"
//   oci:DIR[:TAG][@DIGEST]                              OCI image layout
//   oci-archive:FILE[:TAG][@DIGEST]                     the same as a tar archive
//   distribution:DIR[//REPOSITORY[:TAG][@DIGEST]]       storage of a Distribution registry
//
// A path ends at its first ':', as for skopeo; in a distribution:, at its last "//". Nothing is completed: no tag is no
// tag, and no host is assumed. Total: a reference or errc::invalid that says what to write. Pure; any thread.
// Refuses credentials in the text, http:// and https:// (what is spoken is configured elsewhere), control characters.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/digest.h"
#include "storage/env/result.h"

namespace longshore::api {

enum class image_transport : std::uint8_t { docker, oci_layout, oci_archive, distribution };
// Written as a whole at the end, and without repositories.
inline bool is_layout(image_transport t) {
  return t == image_transport::oci_layout || t == image_transport::oci_archive;
}

struct image_reference {
  image_transport transport = image_transport::docker;
  std::string location;    // host[:port], or a path
  std::string repository;  // empty for layouts, and where a distribution: names none (all of them)
  std::optional<std::string> tag;
  std::optional<longshore::digest> digest;
  bool operator==(const image_reference&) const = default;
};

result<image_reference> parse_image_reference(std::string_view text);
// What parses to the same.
std::string to_text(const image_reference& reference);

}  // namespace longshore::api
