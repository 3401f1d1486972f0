#pragma once

// What copying has done and is doing: of one pass or run as it goes, image by image, for the status and for progress
// bars. Plain numbers on one executor: the work writes them, whoever shows them reads them in between.
//
// An image's blobs are known once its manifests are read: blobs and bytes then say how much it is in all, and
// of that, copied came over the wire, mounted was in another repository of the target, present was there already.
// Bytes grow while a blob is sent; the others count whole blobs. Of a blob whose manifest tells no size (schema 1),
// only what is sent is counted.

#include <algorithm>
#include <cstdint>
#include <list>
#include <string>

#include "storage/env/clock.h"

namespace longshore::engine {

struct image_progress {
  std::string repository, ref;  // tag or digest
  timestamp started;            // 0 where nobody told the time
  std::uint64_t blobs = 0, blobs_copied = 0, blobs_mounted = 0, blobs_present = 0;
  std::uint64_t bytes = 0, bytes_copied = 0, bytes_mounted = 0, bytes_present = 0;

  std::uint64_t bytes_open() const { return bytes - std::min(bytes, bytes_copied + bytes_mounted + bytes_present); }
};

struct blob_tally {
  std::uint64_t blobs = 0, bytes = 0;
};

struct sync_progress {
  std::uint64_t published = 0, removed = 0, unchanged = 0, failed = 0, parked = 0, skipped = 0;
  std::uint64_t bytes_sent = 0;         // of blobs, while they are sent
  blob_tally copied, mounted, present;  // blobs whose turn is over
  blob_tally manifests;                 // published
  std::list<image_progress> images;     // at work now, oldest first
  const clock* time = nullptr;          // for their `started`; null: not told

  void add(const sync_progress& more);  // the numbers, not the images
  // After another try at the same: what earlier ones brought is found present by it, and was brought all the same.
  void count_once(const sync_progress& earlier);
};

// An image at work, for as long as this lives. The progress must outlive it.
class image_at_work {
 public:
  image_at_work(sync_progress& in, image_progress image)
      : in_(&in), at_(in.images.insert(in.images.end(), std::move(image))) {}
  image_at_work(const image_at_work&) = delete;
  image_at_work& operator=(const image_at_work&) = delete;
  ~image_at_work() { in_->images.erase(at_); }
  // The image with nothing done yet: it is looked through from the beginning.
  image_progress& anew() { return *at_ = image_progress{at_->repository, at_->ref, at_->started}; }

 private:
  sync_progress* in_;
  std::list<image_progress>::iterator at_;
};

}  // namespace longshore::engine
