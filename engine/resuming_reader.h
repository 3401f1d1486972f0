#pragma once

// One blob of the source, read from a given byte to its end, over as many connections as that takes.
//
// fill() returns a full buffer, or less only at the blob's end. When the connection breaks or stalls before the end,
// the blob is opened again at the offset reached, after a pause, a bounded number of times in a row without progress;
// then the failure is the caller's, as it is at once when the source asks for a longer pause than the policy has
// patience for: others may use the transfer's slot meanwhile. An end before `size` that the source does not call the
// blob's is taken for such a break, once at each offset. errc::not_found when the source does not have it. One call at
// a time; the registry, the pauses and *this must outlive it.

#include <boost/asio/buffer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "engine/pauses.h"
#include "engine/registry.h"

namespace longshore::engine {

struct resume_policy {
  int tries_max = 5;
  std::int64_t first_pause_ms = 200;  // doubles with each try
  std::int64_t pause_ms_max = 30'000;
  std::uint64_t progress_bytes_min = 64u << 10;  // less between two failures is none
};

// A failure of this kind may be gone at the next try: the connection broke or stalled, or the registry is busy.
bool may_pass(errc code);
// How long to wait before try number `failures` (from 1); none: not to be tried again here.
std::optional<std::int64_t> pause_before(const resume_policy& policy, int failures, const error& why);

class resuming_reader {
 public:
  resuming_reader(registry& source, pauses& pause, std::string repository, longshore::digest d, resume_policy policy,
                  std::uint64_t from, std::uint64_t size)
      : source_(&source),
        pause_(&pause),
        repository_(std::move(repository)),
        digest_(std::move(d)),
        policy_(policy),
        offset_(from),
        size_(size) {}

  task<std::size_t> fill(boost::asio::mutable_buffer buffer);
  std::uint64_t offset() const { return offset_; }
  std::uint64_t resumed() const { return resumed_; }

 private:
  task<std::size_t> read_once(boost::asio::mutable_buffer buffer);
  bool broke_off() const;

  registry* source_;
  pauses* pause_;
  std::string repository_;
  longshore::digest digest_;
  resume_policy policy_;
  std::unique_ptr<blob_reader> body_;
  std::uint64_t offset_, size_;
  std::uint64_t resumed_ = 0;
  std::optional<std::uint64_t> ended_at_;  // a body without an end of its own, last
  int failures_ = 0;                       // without progress
  std::uint64_t since_failure_ = 0;        // bytes
};

}  // namespace longshore::engine
