#pragma once

// Brings blobs to one target, each at most once: known there, mounted from a repository that has it, or copied from
// the source through a bounded buffer, hashed on the way.
//
// bring() returns when the target has acknowledged the blob and the journal has recorded where it is. Digest and size
// are verified before the upload is completed: a wrong body is errc::corrupt and never becomes a blob of the target.
// Jobs may call it concurrently, for the same digest too: one transfer runs, the others wait for it and then find or
// mount the blob. The location index is believed until the target contradicts; then it is corrected (`lost`).
// One executor. stop() makes running transfers end with errc::stopped at their next buffer, and gives up their upload
// sessions. Everything in copier_world must outlive it; it must outlive its calls.

#include <map>
#include <memory>
#include <optional>
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
  bool dry_run = false;  // decide and count, transfer nothing: for a plan
  resume_policy resume;
};

struct copier_counters {
  std::uint64_t copied = 0, mounted = 0, present = 0, resumed = 0, mounts_refused = 0;
  std::uint64_t bytes_copied = 0, bytes_mounted = 0, bytes_present = 0;  // of blobs whose size is known
};

struct blob_request {
  std::string repository;
  longshore::digest digest;
  std::optional<std::uint64_t> size;             // none: the source is asked
  std::string data;                              // its bytes, when they are at hand already
  std::uint64_t* bytes_sent = nullptr;           // counts along, for progress; outlives the call
  std::uint64_t* bytes_sent_of_image = nullptr;  // likewise
};

enum class blob_outcome : std::uint8_t { present, mounted, copied };

class copier {
 public:
  copier(copier_world world, copier_options options)
      : world_(world), options_(options), slots_(options.transfers_max, options.buffer_bytes) {}

  task<blob_outcome> bring(blob_request r);
  void stop() { stopping_ = true; }
  const copier_counters& counters() const { return counters_; }
  std::size_t transfers() const { return slots_.in_use(); }

 private:
  struct flight {
    wait_list landed;
    std::optional<error> host_failure;
  };
  class take_off;

  task<blob_outcome> fly(blob_request r);
  task<blob_outcome> imagine(const blob_request& r, std::uint64_t size, bool held);
  task<std::unique_ptr<blob_writer>> begin(const blob_request& r, std::uint64_t size,
                                           std::optional<std::string> holder);
  task<> correct_holder(const blob_request& r, std::string holder);
  task<> send(blob_request r, std::uint64_t size, std::unique_ptr<blob_writer> to, transfer_buffers& buffers);
  task<> stream(const blob_request& r, std::uint64_t size, blob_writer& to, transfer_buffers& buffers);

  copier_world world_;
  copier_options options_;
  transfer_slots slots_;
  std::map<longshore::digest, std::shared_ptr<flight>> flights_;
  copier_counters counters_;
  bool stopping_ = false;
};

}  // namespace longshore::engine
