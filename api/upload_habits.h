#pragma once

// What one registry was found to want of uploads: whole blobs in one PUT, or chunks, and how large. Pure.
//
// It begins with what nearly every registry takes: one PUT with Content-Length, and chunks of large_bytes for blobs
// over that, so that an upload can be taken up again after each. It learns from refusals; each lesson leads to another
// way to try, and there are finitely many. Kept by the registry's client for as long as that lives. One executor.

#include <cstdint>

namespace longshore::api {

class upload_habits {
 public:
  explicit upload_habits(std::uint64_t large_bytes) : large_(large_bytes), chunk_(large_bytes) {}

  // The size of chunks for a blob; 0: all of it in one PUT. chunk_min is what the registry asked for with the session.
  std::uint64_t chunk_for(std::uint64_t size, std::uint64_t chunk_min) const;

  // Of a refusal: whether it taught something, so that the blob may be tried again.
  bool put_refused(int status);    // of a whole blob
  bool chunk_refused(int status);  // of a PATCH; 416 counts when it comes twice in a row
  bool closed_at_once();           // the connection, without an answer, when hardly anything was sent of a whole blob
  void put_taken() { closed_ = 0; }
  void chunk_taken() { out_of_step_ = 0; }

  // Mounts of digests other than sha256 were answered with success and made nothing (Distribution 2).
  bool mounts_only_sha256 = false;

 private:
  std::uint64_t large_, chunk_;
  bool only_chunks_ = false, no_chunks_ = false;
  int closed_ = 0, out_of_step_ = 0;
};

}  // namespace longshore::api
