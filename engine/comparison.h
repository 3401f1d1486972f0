#pragma once

// THE comparator: what the target should hold against what it was found to hold. Syncing and verifying both ask here
// whether a tag stands at the target. Pure.
//
// A tag is compared by digest, then its closure at the target, what it has as its subject, and what refers to it,
// digest by digest. What the source does not have either is no difference. faults_of() needs every digest below the
// root to be in the map (content nobody looked at would pass for whole, so it is a bug of ours and aborts).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/manifest.h"

namespace longshore::engine {

enum class difference : std::uint8_t {
  none,
  missing_tag,       // the source has it, the target has not
  other_digest,      // both have it, at different digests
  extra_tag,         // the target has it, the source has not
  missing_manifest,  // a manifest of the closure is not at the target
  missing_blob,      // a config or layer
  missing_referrer,  // a signature or the like, that the source lists as referring to a manifest of the closure
  wrong_size,        // a blob is there with another size than the manifest says
  wrong_bytes        // content does not have the digest it is served under
};
std::string_view name_of(difference d);

difference compare_tag(const std::optional<longshore::digest>& at_source,
                       const std::optional<longshore::digest>& at_target);

// What looking at one digest found.
struct found_content {
  // unknown: nobody could say.
  enum class presence : std::uint8_t { there, missing, missing_everywhere, wrong_bytes, unknown } is = presence::there;
  std::optional<std::uint64_t> size;  // of a blob
  bool read = false;                  // a blob that is there was read, and has its digest, whatever its manifest says
  manifest refers_to;                 // of a manifest
  // Of a manifest: what refers to it, as far as the target should have it.
  std::vector<longshore::digest> referred_to_by = {};
};
struct content_key {
  longshore::digest digest;
  bool as_manifest;
  auto operator<=>(const content_key&) const = default;
};
using content_map = std::map<content_key, found_content>;

struct fault {
  difference kind = difference::none;
  longshore::digest of;
};
struct closure_faults {
  std::vector<fault> faults;
  std::vector<content_key> unknown;
  std::vector<longshore::digest> manifests;  // of the closure that are there, the root first
  bool forgotten = false;                    // faults that are none of the root's: those below are judged by themselves
};
closure_faults faults_of(const longshore::digest& root, const content_map& found);

// One thing that is amiss with a tag, for people and machines.
struct tag_mismatch {
  std::string tag;  // or the digest of a manifest without one
  difference kind = difference::none;
  std::string digest;  // of what is amiss; for a tag: as the source has it, or the target's for an extra one
  std::string reason;
};
// As below, of a manifest without a tag; what only the target has is nobody's business.
std::vector<tag_mismatch> compare_manifest(const longshore::digest& of, bool at_source, bool at_target,
                                           const std::vector<fault>& below);
// Everything that is amiss with it; empty: it stands at the target, whole. below: of the target's digest.
std::vector<tag_mismatch> compare(const std::string& tag, const std::optional<longshore::digest>& at_source,
                                  const std::optional<longshore::digest>& at_target, const std::vector<fault>& below);

}  // namespace longshore::engine
