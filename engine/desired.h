#pragma once

// The desired view: what the replicated log says each repository should hold. A fold of the log, nothing else.
//
// Per repository: tags and manifests, each with the seq of the newest event that spoke of it; deletions stay as
// tombstones. What an event says is a hint (promise 4): the engine asks the source again before it publishes.
// Only manifests are items; events of blobs and pulls change nothing here, but a delete by digest alone may be
// either and touches only a manifest that is known, with the tags last seen at it. A manifest pushed by tag is kept
// as a manifest too, but only the tag is work for the engine (changed()). Names outside the OCI grammar are passed
// over: no registry could serve them.
// A deletion costs what it changes, not what was deleted before: events are anybody's, and tombstones stay.
// apply() runs on the log's sequencer thread; the readers run anywhere and see committed state.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "log/seq.h"
#include "log/view.h"

namespace longshore::engine {

// A tag, or an untagged manifest, of a repository; or its absence.
struct desired_item {
  std::string repository;
  std::string ref;  // tag, or digest text
  bool is_tag = true;
  bool gone = false;
  std::string digest;      // what the event named; empty when gone or not told
  std::string media_type;  // likewise
  event_seq seq;           // the newest event that spoke of it
  timestamp occurred;
  bool observed = false;  // gone: a look at the source said so, not the registry itself
  bool quiet = false;     // known by its tags alone: no work by itself
  bool operator==(const desired_item&) const = default;
};

struct desired_repository {
  std::string name;
  std::uint64_t items_size = 0;  // seq of its newest item change, + 1
  timestamp first_seen, last_seen;
  std::uint64_t erased_size = 0;  // seq of its newest deletion as a whole, + 1: what is older is gone
};

class desired final : public log::view {
 public:
  explicit desired(storage::database& db);
  static std::vector<storage::family_spec> family_specs();

  std::string_view name() const override { return "desired"; }
  std::uint64_t format() const override { return 4; }
  std::vector<storage::family> families() const override;
  void apply(const log::event_view& e, storage::overlay& state) override;

  result<std::optional<desired_repository>> repository(std::string_view name) const;
  // visit returns false to stop.
  result<void> repositories(const std::function<bool(const desired_repository&)>& visit) const;
  result<std::optional<desired_item>> item(std::string_view repository, std::string_view ref) const;
  // All items of a repository, tags first, tombstones included, in name order.
  result<void> items(std::string_view repository, const std::function<bool(const desired_item&)>& visit) const;
  // Items that are work for the engine and whose newest event is at or after `from`, oldest first.
  result<void> changed(std::string_view repository, event_seq from,
                       const std::function<bool(const desired_item&)>& visit) const;

 private:
  // Writes the item as the newest word on it; announced ones become work for the engine.
  enum class announce : bool { no, yes };
  // What an event did to its repository, which is written once when all its items are.
  struct touched {
    storage::overlay& state;
    bool items = false, announced = false, whole = false;
  };
  void put_item(const desired_item& item, announce a, touched& in);
  void put_repository(const log::event_view& e, const touched& in);
  void put_tag(const log::event_view& e, touched& in);
  void put_manifest(const log::event_view& e, announce a, touched& in);
  void erase_tag(const log::event_view& e, std::string_view tag, touched& in);
  void erase_digest(const log::event_view& e, touched& in);
  void erase_repository(const log::event_view& e, touched& in);

  storage::database* db_;
  storage::family repositories_, items_, changes_, tags_;
};

}  // namespace longshore::engine
