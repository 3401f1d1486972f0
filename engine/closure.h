#pragma once

// Everything an item needs, found step by step: a manifest names further manifests, which are fetched by the caller
// and supplied here, until nothing is wanted any more. Then plan() says what to copy and in which order to publish.
//
// Pure: no I/O, no clock. Each digest is asked for once (visited set); depth, number and bytes of documents are
// limited (errc::too_large), so a hostile or looping graph ends. Edges back to a manifest on the path are ignored.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/manifest.h"
#include "engine/registry.h"

namespace longshore::engine {

struct closure_limits {
  std::size_t depth_max = 16;
  std::size_t documents_max = 10'000;
  std::size_t document_bytes_max = 64u << 20;
  std::size_t blobs_max = 200'000;
};

// In publishing order: all blobs, then the manifests as listed, and whatever refers to those last.
struct closure_plan {
  std::vector<manifest_reference> blobs;            // each once, largest first
  std::vector<const manifest_document*> manifests;  // subjects and children before what refers to them, root last
  std::vector<longshore::digest> absent;            // manifests the source does not have
  std::set<longshore::digest> held;                 // manifests the target is believed to have
  // Those of manifests of which an entry, or one of an index below them, was left out by choice: not whole.
  std::set<longshore::digest> sparse;
  std::uint64_t steps = 0;  // references followed, each once
};

// Whether an entry of an index is copied; null: every one is.
using entry_choice = std::function<bool(const manifest& index, const manifest_reference& entry)>;

class closure {
 public:
  enum class subjects : bool { leave, follow };

  // errc::invalid and the others of parse_manifest() when the root cannot be understood.
  static result<closure> of(manifest_document root, subjects s, closure_limits limits);
  static result<closure> of(manifest_document root, subjects s, closure_limits limits, entry_choice chosen);

  // Manifests to be fetched next; each must be answered by supply(), held() or absent(). Empty: complete.
  std::vector<longshore::digest> take_wanted();
  result<void> supply(manifest_document document);
  // The target is known to have it, whole: it needs nothing.
  void held(const longshore::digest& d);
  // The source has no manifest of this digest: a blob, if that is what it may be; else a hole.
  void absent(const longshore::digest& d);
  // It is wanted as an entry whose type does not tell whether it is a manifest or a blob.
  bool may_be_blob(const longshore::digest& d) const;

  // Only when nothing is wanted. Points into this closure.
  closure_plan plan() const;
  const manifest_document& root() const { return *nodes_.at(root_).document; }
  // What the manifest itself refers to, as parsed; null for one that was not supplied.
  const manifest* parsed(const longshore::digest& d) const;

 private:
  enum class node_state : std::uint8_t { wanted, supplied, held, absent };
  struct node {
    node_state state = node_state::wanted;
    std::size_t depth = 0;
    std::optional<manifest_reference> perhaps_blob;  // an entry that may be either
    std::optional<manifest_document> document;
    manifest content;
    bool has_left_out = false;  // entries, by choice
  };

  closure(subjects s, closure_limits limits, entry_choice chosen)
      : subjects_(s), limits_(limits), chosen_(std::move(chosen)) {}
  result<void> want(const manifest_reference& r, std::size_t depth);
  result<void> take_in(node& n, manifest_document document);
  struct walk;
  void enter(const longshore::digest& d, walk& w) const;
  void leave(const node& n, walk& w) const;
  const longshore::digest* followed(const node& n, std::size_t i) const;

  subjects subjects_;
  closure_limits limits_;
  entry_choice chosen_;
  longshore::digest root_ = longshore::digest::of({});
  std::map<longshore::digest, node> nodes_;
  std::vector<longshore::digest> wanted_;
  std::map<longshore::digest, manifest_reference> blobs_;
  std::size_t bytes_ = 0;
  bool any_left_out_ = false;
};

}  // namespace longshore::engine
