#pragma once

// One blob from the source into one repository of the target, over as many connections and upload sessions as it takes.
//
// run() returns when the target has acknowledged the whole blob. Its bytes are read, hashed and sent at the same time,
// through the two buffers of a transfer slot; digest and size are verified before the upload is completed, so a wrong
// body (errc::corrupt) never becomes a blob of the target. When the target's side breaks, the session is taken up at
// what the target kept, or a new one is begun, a bounded number of times without progress. Every byte counts into the
// hash exactly as it was sent: the hash is remembered at the last byte the target acknowledged, and reading begins
// there again; after a restart there is no such memory, and the source is read from its first byte.
//
// Sessions of blobs over journal_bytes_min are recorded with every acknowledged chunk. Where the failure may pass and
// the record outlives the process, such a session is left for the next run; any other is cancelled.
// One run() at a time; everything handed in must outlive it.

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "engine/location_index.h"
#include "engine/resuming_reader.h"
#include "engine/transfer_slots.h"

namespace longshore::engine {

struct copier_world {
  registry& source;
  registry& target;
  location_index& where;
  pauses& pause;
};

struct copier_options {
  std::size_t transfers_max = 8;
  std::size_t buffer_bytes = 256u << 10;
  std::uint64_t small_bytes_max = 1u << 20;
  std::uint64_t journal_bytes_min = 64u << 20;  // uploads of larger blobs survive a restart
  bool dry_run = false;                         // decide and count, transfer nothing: for a plan
  resume_policy resume;
};

struct copier_counters {
  std::uint64_t copied = 0, mounted = 0, present = 0, resumed = 0, mounts_refused = 0;
  std::uint64_t bytes_copied = 0, bytes_mounted = 0, bytes_present = 0;  // of blobs whose size is known
  std::uint64_t uploads_resumed = 0;      // sessions taken up again, in this run or of an earlier one
  std::uint64_t uploads_begun_again = 0;  // sessions that had to be given up for a new one
  std::uint64_t bytes_only_hashed = 0;    // read again from the source because the target had them already
};

struct blob_request {
  std::string repository;
  longshore::digest digest;
  std::optional<std::uint64_t> size;             // none: the source is asked
  std::string data;                              // its bytes, when they are at hand already
  std::uint64_t* bytes_sent = nullptr;           // counts along, for progress; outlives the call
  std::uint64_t* bytes_sent_of_image = nullptr;  // likewise
};

class blob_transfer {
 public:
  blob_transfer(copier_world& world, const copier_options& options, copier_counters& counters, const bool& stopping,
                const blob_request& what, std::uint64_t size, transfer_buffers& buffers)
      : world_(&world),
        options_(&options),
        counters_(&counters),
        stopping_(&stopping),
        what_(&what),
        size_(size),
        buffers_(&buffers),
        hashed_(what.digest.algorithm()) {}

  // `recorded`: the session stands in the ledger already.
  task<> run(std::unique_ptr<blob_writer> to, bool recorded);
  // The ledger has a session of this blob, to be closed with the record of where the blob is.
  bool recorded() const { return recorded_; }
  // What run() failed for came from the source: it could not be read, or is not what it should be.
  bool source_failed() const { return source_failed_; }

 private:
  task<> attempt();
  task<> stream();
  task<> send_data();
  task<> send(std::span<const std::byte> bytes);
  task<> advance(digest_hasher before, std::uint64_t at, std::span<const std::byte> held);
  result<void> check_end(std::uint64_t read, digest_hasher& hasher);
  std::unexpected<error> wrong_at_source(std::string what);
  std::unexpected<error> longer_than_told();
  task<> note();
  task<> reopen();
  task<> leave(result<void> failed);
  std::optional<std::int64_t> next_pause(const error& why);

  copier_world* world_;
  const copier_options* options_;
  copier_counters* counters_;
  const bool* stopping_;
  const blob_request* what_;
  std::uint64_t size_;
  transfer_buffers* buffers_;

  std::unique_ptr<blob_writer> writer_;
  digest_hasher hashed_;  // of the first hashed_size_ bytes, all acknowledged
  std::uint64_t hashed_size_ = 0;
  std::uint64_t furthest_ = 0;  // that the target ever acknowledged: more of it is progress
  int failures_ = 0;            // without progress
  bool source_failed_ = false;
  bool recorded_ = false;
  bool spliced_ = false;     // the session is of several parts
  bool start_over_ = false;  // and is not to be taken up again
};

}  // namespace longshore::engine
