#pragma once

// One number for all tags of a repository, which two sites can compute and compare without talking to each other.
//
// SHA-256 over the lines "tag NUL digest LF" in ascending order of the tags' bytes, as "sha256:" and lower-case hex.
// Tags and digests exactly as registries write them; a repository without tags has the digest of no bytes.

#include <cstdint>
#include <string>
#include <string_view>

#include "engine/desired.h"
#include "storage/digest.h"

namespace longshore::engine {

class tags_checksum {
 public:
  // In ascending order, each tag once; another order is a bug of ours.
  void add(std::string_view tag, std::string_view digest);
  std::string finish() { return hasher_.finish().text(); }
  std::uint64_t tags() const { return tags_; }

 private:
  digest_hasher hasher_{digest_algorithm::sha256};
  std::string last_;
  std::uint64_t tags_ = 0;
};

// Of what the log says the repository holds. Reads the view: for a thread that may block.
struct repository_checksum {
  std::string checksum;
  std::uint64_t tags = 0;
};
result<repository_checksum> checksum_of(const desired& wanted, std::string_view repository);

}  // namespace longshore::engine
