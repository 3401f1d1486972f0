#pragma once

// Brings blobs to one target, each at most once: known there, mounted from a repository that has it, or copied from
// the source by a blob_transfer.
//
// bring() returns when the target has acknowledged the blob and the journal has recorded where it is. Digest and size
// are verified before the upload is completed: a wrong body is errc::corrupt and never becomes a blob of the target.
// A blob that the target has with another size than r's is sent anew; errc::corrupt when that does not help. One that
// is doubted in any repository is never mounted. Jobs may call it concurrently, for the same
// digest too: one transfer runs, the others wait for it and then find or mount the blob; what a repository of the
// source gave wrongly twice while they waited is not read from there again. The location index is believed until the
// target contradicts; then it is corrected (`lost`). An upload session that an earlier run left in the ledger is taken
// up by the first request for that blob in that repository. cancel_left_uploads() gives up those that no running
// request uses and that were last written before a given time: called when nothing is left to do, none stays open at
// the target. One executor. stop() makes running transfers end with errc::stopped at their next buffer; the sessions of
// large blobs are left for the next start, all others given up. Everything in copier_world must outlive it; it must
// outlive its calls.

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "engine/blob_transfer.h"

namespace longshore::engine {

enum class blob_outcome : std::uint8_t { present, mounted, copied };

class copier {
 public:
  copier(copier_world world, copier_options options)
      : world_(world), options_(options), slots_(options.transfers_max, options.buffer_bytes) {}

  task<blob_outcome> bring(blob_request r);
  // How many were given up. A target that cannot be reached now leaves them for the next call.
  task<std::uint64_t> cancel_left_uploads(timestamp written_before);
  void stop() { stopping_ = true; }
  const copier_counters& counters() const { return counters_; }
  std::size_t transfers() const { return slots_.in_use(); }

 private:
  struct flight {
    wait_list landed;
    std::string read_from;  // the source's repository
    std::optional<error> host_failure, source_failure;
  };
  class take_off;

  task<blob_outcome> fly(blob_request r, flight& of);
  result<void> forget_doubted(const longshore::digest& d, std::optional<std::string>& holder) const;
  task<blob_outcome> imagine(const blob_request& r, std::uint64_t size, bool held);
  task<std::unique_ptr<blob_writer>> begin(const blob_request& r, std::uint64_t size,
                                           std::optional<std::string> holder);
  task<> correct_holder(const blob_request& r, std::string holder);
  task<blob_outcome> copy(const blob_request& r, std::uint64_t size, std::optional<std::string> holder,
                          std::optional<open_upload> left, transfer_buffers& buffers, bool damaged, flight& of);
  task<> check_mended(const blob_request& r, std::uint64_t size);
  task<std::unique_ptr<blob_writer>> take_up(const blob_request& r, std::uint64_t size, const open_upload& left);
  task<> give_up(open_upload left);
  task<> record_one(log::event fact);

  copier_world world_;
  copier_options options_;
  transfer_slots slots_;
  std::map<longshore::digest, std::shared_ptr<flight>> flights_;
  copier_counters counters_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
