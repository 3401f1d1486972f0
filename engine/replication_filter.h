#pragma once

// What a site replicates and what it leaves out, and by which rule: the [replication] filters, made once.
//
// Every question answers with the rule that leaves the thing out, as the operator wrote it ("tags_exclude: *-rc*"),
// or nothing: it is taken. Where a list has an include and an exclude side, exclude wins.
// - Accessory tags (cosign's sha256-HEX.sig, .att, .sbom and the referrers fallback sha256-HEX) are not judged as
//   tags: they follow the manifest they are named after. Only an exclude rule that speaks of them is heard: one that
//   has "sha256-" in it, or ends in .sig, .att or .sbom.
// - Platforms choose the entries of an index. An entry without a platform is taken; an attestation follows the entry
//   it attests. "linux/arm64" takes every variant, "linux/arm64/v8" that one, and an entry that names none.
// - Media types are those of the manifest, its artifact type or config, and its layers.
// Pure and immutable; any thread. make() refuses what cannot be understood (errc::invalid), naming the key.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/manifest.h"
#include "engine/tag_rule.h"

namespace longshore::engine {

struct filter_rules {
  std::vector<std::string> include, exclude;  // globs over repositories; include empty: all
  std::vector<std::string> tags_include, tags_exclude;
  std::vector<std::string> platforms;            // empty: all
  std::vector<std::string> media_types_exclude;  // globs
  bool untagged = true;                          // manifests that no tag names
};

class replication_filter {
 public:
  replication_filter() = default;  // takes everything
  static result<replication_filter> make(filter_rules rules);

  using verdict = std::optional<std::string>;  // the rule that leaves it out
  verdict repository(std::string_view name) const;
  verdict tag(std::string_view name) const;
  // A manifest that nobody named by tag and that nothing at the target includes or refers to.
  verdict untagged() const;
  verdict media_types(std::string_view type, const manifest& content) const;
  verdict entry(const manifest& index, const manifest_reference& entry) const;

  bool judges_tags() const { return !tags_include_.empty() || !tags_exclude_.empty(); }
  bool judges_platforms() const { return !rules_.platforms.empty(); }
  bool judges_media_types() const { return !rules_.media_types_exclude.empty(); }
  // Equal for filters that decide alike about the items of a repository, across restarts; empty: takes everything.
  const std::string& fingerprint() const { return fingerprint_; }

 private:
  filter_rules rules_;
  std::vector<tag_rule> tags_include_, tags_exclude_;
  std::string fingerprint_;
};

// The digest whose signature, attestation, bill of materials or referrers a tag holds; none: an ordinary tag.
std::optional<std::string> accessory_subject(std::string_view tag);
// The accessory tags that a manifest may have.
std::vector<std::string> accessory_tags(std::string_view digest_text);

}  // namespace longshore::engine
