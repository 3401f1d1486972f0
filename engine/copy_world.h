#pragma once

// What copying images needs of the world, handed in once, and the settings that shape it: shared by the passes of a
// secondary and by one-shot copies.

#include <memory>

#include "engine/closure.h"
#include "engine/copier.h"
#include "engine/copy_progress.h"
#include "engine/location_index.h"
#include "engine/manifest_claims.h"
#include "engine/registry.h"
#include "engine/replication_filter.h"

namespace longshore::engine {

// Who reads why an image was not published: a site parks it, a copy is run again.
enum class copied_by : std::uint8_t { site, command };

struct copy_settings {
  copied_by by = copied_by::site;
  bool subjects = true;               // copy what a manifest's subject names
  bool referrers = true;              // copy what refers to a manifest, where the source can list it
  std::size_t blobs_at_once = 6;      // of one item
  std::size_t referrers_max = 1'000;  // of one item
  closure_limits limits;
  // What is left out; never null.
  std::shared_ptr<const replication_filter> filter = std::make_shared<replication_filter>();
};

// Which entries of an index are copied, for a closure; null: all.
entry_choice chosen_entries(const copy_settings& s);

// What the work found out about the registries; shared by all of it, forgotten by a restart.
class learned_facts {
 public:
  // Whether to ask the source for referrers. Once it said that it cannot list them, one question in many is asked all
  // the same: what answered may have been a proxy before it.
  bool asks_for_referrers() { return lists_referrers_ || ++unasked_ % ask_again_after == 0; }
  void referrers_listed(bool can) { lists_referrers_ = can; }

 private:
  static constexpr std::uint64_t ask_again_after = 256;
  bool lists_referrers_ = true;
  std::uint64_t unasked_ = 0;
};

// The rule about media types by which a manifest is left out; none: it is taken, or cannot be understood.
replication_filter::verdict left_out_by_type(const copy_settings& s, const manifest_document& document);

struct copy_world {
  registry& source;
  registry& target;
  location_index& where;
  copier& blobs;
  copy_settings copying;
  std::shared_ptr<learned_facts> learned = std::make_shared<learned_facts>();
  std::shared_ptr<claim_table> claims = std::make_shared<claim_table>();
};

// What the source lists as referring to a manifest; none: it cannot list such. What it answers is learned. The world
// must outlive the task.
task<std::optional<std::vector<descriptor>>> referrers_at_source(const copy_world& world, std::string repository,
                                                                 longshore::digest of);

}  // namespace longshore::engine
