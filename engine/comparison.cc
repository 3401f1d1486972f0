#include "engine/comparison.h"

#include <set>

#include "storage/env/ensure.h"

namespace longshore::engine {
namespace {

using presence = found_content::presence;

const found_content& looked_at(const content_map& found, const digest& d, bool as_manifest) {
  const auto at = found.find({d, as_manifest});
  ensure(at != found.end(), "a closure was compared before it was looked at");
  return at->second;
}

// An entry of unknown type is a manifest where there is one, else a blob.
bool is_below_as_manifest(const manifest_reference& r, const content_map& found) {
  if (r.as != copy_as::either) return r.as == copy_as::manifest;
  const presence as_manifest = looked_at(found, r.target.digest, true).is;
  return as_manifest == presence::there || as_manifest == presence::unknown;
}

difference blob_difference(const manifest_reference& r, const found_content& blob) {
  if (blob.is == presence::missing) return difference::missing_blob;
  if (blob.is == presence::missing_everywhere || blob.is == presence::unknown || blob.read) return difference::none;
  if (r.size_known && blob.size && *blob.size != r.target.size) return difference::wrong_size;
  return blob.is == presence::wrong_bytes ? difference::wrong_bytes : difference::none;
}

std::string reason_of(difference kind, const digest& of) {
  switch (kind) {
    case difference::missing_manifest:
      return "manifest " + of.text() + " is not at the target";
    case difference::missing_blob:
      return "blob " + of.text() + " is not at the target";
    case difference::missing_referrer:
      return of.text() + ", which refers to it at the source, is not at the target";
    case difference::wrong_size:
      return "blob " + of.text() + " has another size at the target than its manifest says";
    case difference::wrong_bytes:
      return "the target serves other bytes as " + of.text() +
             "; a registry that keeps what it has under a digest needs them deleted from its storage first";
    default:
      return std::string(name_of(kind));
  }
}

}  // namespace

std::string_view name_of(difference d) {
  switch (d) {
    case difference::none:
      return "none";
    case difference::missing_tag:
      return "missing_tag";
    case difference::other_digest:
      return "other_digest";
    case difference::extra_tag:
      return "extra_tag";
    case difference::missing_manifest:
      return "missing_manifest";
    case difference::missing_blob:
      return "missing_blob";
    case difference::missing_referrer:
      return "missing_referrer";
    case difference::wrong_size:
      return "wrong_size";
    case difference::wrong_bytes:
      return "wrong_bytes";
  }
  return "unknown";
}

difference compare_tag(const std::optional<digest>& at_source, const std::optional<digest>& at_target) {
  if (at_source == at_target) return difference::none;
  if (!at_target) return difference::missing_tag;
  return at_source ? difference::other_digest : difference::extra_tag;
}

closure_faults faults_of(const digest& root, const content_map& found) {
  closure_faults out;
  const auto report = [&](difference kind, const digest& of) {
    if (kind != difference::none) out.faults.push_back({kind, of});
  };
  std::set<digest> manifests{root}, blobs, referrers, attached;
  std::vector<digest> next{root};
  for (std::size_t i = 0; i < next.size(); ++i) {
    const digest d = next[i];
    const found_content& m = looked_at(found, d, true);
    if (m.is == presence::missing) {
      report(referrers.contains(d) ? difference::missing_referrer : difference::missing_manifest, d);
    }
    if (m.is == presence::wrong_bytes) report(difference::wrong_bytes, d);
    if (m.is == presence::unknown) out.unknown.push_back({d, true});
    if (m.is != presence::there) continue;
    out.manifests.push_back(d);
    for (const manifest_reference& r : m.refers_to.references) {
      if (is_below_as_manifest(r, found)) {
        if (!manifests.insert(r.target.digest).second) continue;
        if (attached.contains(d)) attached.insert(r.target.digest);
        next.push_back(r.target.digest);
      } else if (blobs.insert(r.target.digest).second) {
        const found_content& blob = looked_at(found, r.target.digest, false);
        report(blob_difference(r, blob), r.target.digest);
        if (blob.is == presence::unknown) out.unknown.push_back({r.target.digest, false});
      }
    }
    for (const digest& r : m.referred_to_by) {
      if (!manifests.insert(r).second) continue;
      referrers.insert(r);
      attached.insert(r);
      next.push_back(r);
    }
    // What a referrer refers to has brought it here, and is not brought for it.
    const auto& subject = m.refers_to.subject;
    if (subject && !attached.contains(d) && manifests.insert(subject->digest).second) next.push_back(subject->digest);
  }
  return out;
}

std::vector<tag_mismatch> compare_manifest(const digest& of, bool at_source, bool at_target,
                                           const std::vector<fault>& below) {
  std::vector<tag_mismatch> out;
  if (at_source && !at_target) {
    constexpr auto kind = difference::missing_manifest;
    out.push_back({of.text(), kind, of.text(), reason_of(kind, of)});
  }
  for (const fault& f : below) out.push_back({of.text(), f.kind, f.of.text(), reason_of(f.kind, f.of)});
  return out;
}

std::vector<tag_mismatch> compare(const std::string& tag, const std::optional<digest>& at_source,
                                  const std::optional<digest>& at_target, const std::vector<fault>& below) {
  std::vector<tag_mismatch> out;
  switch (const difference kind = compare_tag(at_source, at_target)) {
    case difference::none:
      for (const fault& f : below) out.push_back({tag, f.kind, f.of.text(), reason_of(f.kind, f.of)});
      break;
    case difference::missing_tag:
      out.push_back({tag, kind, at_source->text(), "the target has no tag " + tag});
      break;
    case difference::extra_tag:
      out.push_back({tag, kind, at_target->text(), "the source has no tag " + tag});
      break;
    default:
      out.push_back(
          {tag, kind, at_source->text(),
           "tag " + tag + " is " + at_target->text() + " at the target and " + at_source->text() + " at the source"});
  }
  return out;
}

}  // namespace longshore::engine
