#pragma once

// Contents that were found with wrong bytes at the target, and not read right since: rows of the actual view.
//
// A doubt is about a digest, and kept for each repository that has it. What was seen to be gone from a repository (a
// `lost` record that does not say otherwise, or `removed`) is doubted there no more, but remembered: most registries
// keep the file of a digest when it is deleted, and serve it again when it comes back. So what comes to any repository
// while the digest is doubted, or remembered, anywhere is doubted there. Reading it right in one repository ends the
// doubt there, and what is remembered of others. The folding verbs tell by how much the doubts of the record's
// repository grew.

#include <string>
#include <string_view>
#include <vector>

#include "log/event.h"
#include "storage/database.h"
#include "storage/overlay.h"

namespace longshore::engine {

enum class doubt_of : bool { what_is_there, what_is_gone };

class doubt_rows {
 public:
  explicit doubt_rows(storage::database& db);
  static std::vector<storage::family_spec> family_specs();
  std::vector<storage::family> families() const { return {by_repository_, by_digest_}; }

  static bool is_about_doubts(const log::event_view& e);
  int fold(const log::event_view& e, storage::overlay& state) const;

  result<std::vector<std::string>> digests(std::string_view repository, doubt_of which) const;
  // Doubted in this repository.
  result<bool> is_there(std::string_view repository, std::string_view digest) const;
  // Doubted or remembered anywhere.
  result<bool> contains(std::string_view digest) const;

 private:
  bool is_doubted(std::string_view digest, storage::overlay& state) const;
  int come(const log::event_view& e, storage::overlay& state) const;
  int go(const log::event_view& e, storage::overlay& state) const;
  int believe(const log::event_view& e, storage::overlay& state) const;

  storage::database* db_;
  storage::family by_repository_, by_digest_;
};

}  // namespace longshore::engine
