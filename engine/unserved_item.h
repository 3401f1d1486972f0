#pragma once

// A question of a verification that the target did not answer while it answered others: asked again at the end.

#include <cstdint>
#include <string>

namespace longshore::engine {

struct unserved_item {
  // doubted: content that is a blob or a manifest, nobody knows which.
  enum class question : std::uint8_t { reference, manifest, blob, doubted } asked = question::reference;
  std::string ref;  // a tag, or the digest
  std::string reason = {};
};

}  // namespace longshore::engine
