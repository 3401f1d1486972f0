#pragma once

// How a repository is verified, and how far it has come (engine/verifier.h).

#include <cstddef>
#include <cstdint>

namespace longshore::engine {

struct verifier_settings {
  std::size_t tags_per_page = 128;
  std::size_t looks_at_once = 6;
  std::size_t unjudged_max = 100;              // told by name, of one repository; and of tags that the log knows not
  std::size_t mismatches_max = 1'000;          // told by name, of one repository
  std::size_t faults_max = 1'000;              // told, of one item
  std::size_t findings_max = 1'000;            // items to be opened again, of one repository; more end the run over it
  std::size_t remembered_max = 200'000;        // digests and references held in memory
  std::uint64_t bytes_per_second = 50u << 20;  // read by a deep verification, of all blobs together; 0: no limit
};

struct verify_progress {
  std::uint64_t tags = 0, manifests = 0, blobs = 0, bytes = 0;
};

}  // namespace longshore::engine
