#pragma once

// The two registries of the simulation: memory registries that enter what they answered, and what was done to them,
// in the ledger; and that can be made to lie, as a broken engine would behave, for the negative controls.

#include "tests/sim/ledger.h"

namespace longshore::sim {

// Defects that a simulation worth its name must find. Those of the log are log::defects.
enum class defect : std::uint8_t {
  none,
  blobs_skipped,          // blobs are taken to be at the target, and tags are published without them
  removal_unasked,        // a removal does not ask the source again
  failed_listing_empty,   // a listing of the target that failed counts as an empty one
  no_dedup,               // a repeated notification is recorded again
  acknowledged_unsynced,  // an answer is given before the disk has it
  view_apart,             // a view is committed apart from its position
  one_stops_all,          // what fails for good fails all of its repository
  referrers_dropped,      // what refers to an image is said to be published, and is not
  verifier_blind,         // a verification finds nothing
  referrers_unasked       // what refers to an image comes by its own events alone
};
std::string_view name_of(defect d);
std::optional<defect> defect_named(std::string_view name);
inline constexpr defect all_defects[] = {
    defect::blobs_skipped,         defect::removal_unasked,  defect::failed_listing_empty, defect::no_dedup,
    defect::acknowledged_unsynced, defect::view_apart,       defect::one_stops_all,        defect::referrers_dropped,
    defect::verifier_blind,        defect::referrers_unasked};

class watched_source final : public memory_registry {
 public:
  explicit watched_source(defect d) : memory_registry("source"), defect_(d) {}
  void report_to(ledger& book) { book_ = &book; }

  engine::task<engine::manifest_document> get_manifest(std::string repository, std::string ref) override;
  engine::task<std::optional<digest>> resolve(std::string repository, std::string ref) override;
  engine::task<std::vector<engine::descriptor>> referrers(std::string repository, digest d) override;

 private:
  ledger* book_ = nullptr;
  defect defect_;
};

class watched_target final : public memory_registry {
 public:
  explicit watched_target(defect d) : memory_registry("target"), defect_(d) {}
  void report_to(ledger& book) { book_ = &book; }

  engine::task<digest> put_manifest(std::string repository, std::string ref, std::string media_type,
                                    std::string bytes) override;
  engine::task<> delete_tag(std::string repository, std::string tag) override;
  engine::task<> delete_manifest(std::string repository, digest d) override;
  engine::task<engine::tag_page> list_tags(std::string repository, std::optional<std::string> next) override;
  engine::task<std::unique_ptr<engine::blob_writer>> begin_blob(std::string repository, digest d, std::uint64_t size,
                                                                std::optional<std::string> mount_from) override;

 private:
  ledger* book_ = nullptr;
  defect defect_;
};

}  // namespace longshore::sim
