#pragma once

// Where the target holds what: the dedup index as the copy path uses it, with the records that keep it true.
//
// holds(), any_holder() and survey_of() answer from what was recorded; they may be wrong where somebody changed the
// target behind our back, and are corrected by `lost` records. record() takes `located`, `lost` and `surveyed` records
// (engine/journal_records.h) and returns when later reads see them: journaled_locations makes them durable first,
// transient_locations keeps them in memory for a run that leaves no state behind. The same records and rules keep the
// ledger of open upload sessions (`upload_opened`, `upload_closed`). One executor.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/actual.h"
#include "engine/journal.h"
#include "engine/locations.h"
#include "engine/uploads.h"

namespace longshore::engine {

class location_index {
 public:
  virtual ~location_index() = default;
  virtual result<bool> holds(std::string_view repository, std::string_view digest) const = 0;
  // Some repository that holds it, if any.
  virtual result<std::optional<std::string>> any_holder(std::string_view digest) const = 0;
  virtual result<std::vector<std::string>> holders(std::string_view digest) const = 0;
  // Found with wrong bytes somewhere at the target (engine/doubt_rows.h): to be sent, never to be mounted.
  virtual result<bool> is_doubted(std::string_view digest) const = 0;
  // How many tags the target showed when the repository was surveyed (engine/target_survey.h); none: not yet.
  virtual result<std::optional<std::uint64_t>> survey_of(std::string_view repository) const = 0;
  virtual task<> record(std::vector<log::event> facts) = 0;

  virtual result<std::optional<open_upload>> upload_of(std::string_view repository, std::string_view digest) const = 0;
  virtual result<std::vector<open_upload>> open_uploads(std::size_t most) const = 0;
  // What is recorded outlives the process.
  virtual bool durable() const = 0;
};

// Over the views of a site's journal. All must outlive it. Without the journal they are only looked at: record() is
// refused with errc::unsupported.
class journaled_locations final : public location_index {
 public:
  journaled_locations(journal& records, const locations& view, const actual& done, const uploads& open)
      : records_(&records), view_(&view), done_(&done), open_(&open) {}
  journaled_locations(const locations& view, const actual& done, const uploads& open)
      : view_(&view), done_(&done), open_(&open) {}
  result<bool> holds(std::string_view repository, std::string_view digest) const override;
  result<std::optional<std::string>> any_holder(std::string_view digest) const override;
  result<std::vector<std::string>> holders(std::string_view digest) const override;
  result<bool> is_doubted(std::string_view digest) const override;
  result<std::optional<std::uint64_t>> survey_of(std::string_view repository) const override;
  task<> record(std::vector<log::event> facts) override;
  result<std::optional<open_upload>> upload_of(std::string_view repository, std::string_view digest) const override;
  result<std::vector<open_upload>> open_uploads(std::size_t most) const override;
  bool durable() const override { return true; }

 private:
  journal* records_ = nullptr;
  const locations* view_;
  const actual* done_;
  const uploads* open_;
};

class transient_locations final : public location_index {
 public:
  transient_locations() = default;
  // On top of what is known already, which must outlive it and is left as it is: for a plan.
  explicit transient_locations(const location_index& below) : below_(&below) {}
  result<bool> holds(std::string_view repository, std::string_view digest) const override;
  result<std::optional<std::string>> any_holder(std::string_view digest) const override;
  result<std::vector<std::string>> holders(std::string_view digest) const override;
  result<bool> is_doubted(std::string_view digest) const override;
  result<std::optional<std::uint64_t>> survey_of(std::string_view repository) const override;
  task<> record(std::vector<log::event> facts) override;
  result<std::optional<open_upload>> upload_of(std::string_view repository, std::string_view digest) const override;
  result<std::vector<open_upload>> open_uploads(std::size_t most) const override;
  bool durable() const override { return false; }

 private:
  std::map<std::string, std::set<std::string, std::less<>>, std::less<>> by_digest_;
  std::map<std::string, std::uint64_t, std::less<>> surveys_;
  std::map<std::pair<std::string, std::string>, open_upload> open_;
  const location_index* below_ = nullptr;
};

}  // namespace longshore::engine
