#pragma once

// What one verification knows of the bytes that a repository's target serves: which are doubted, and what reading them
// tells.
//
// load() takes over what is doubted there (engine/doubt_rows.h). read(), of content of any kind, and read_blob(), of
// one that is known to be a blob, tell whether it is there, with its own bytes; what is wrong once is read twice.
// note() journals what was found, before it returns: wrong bytes are doubted in all repositories that have the digest,
// right ones are believed, and what is gone is lost. left() are those that nothing was noted about in this run.
// One executor; world, rate and the count of bytes must outlive it. errc::stopped after stop().

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/comparison.h"
#include "engine/pace.h"
#include "engine/sync_world.h"

namespace longshore::engine {

class content_doubts {
 public:
  using presence = found_content::presence;

  content_doubts(const sync_world& world, std::string repository, pace& rate, std::uint64_t& bytes_read)
      : world_(&world), repository_(std::move(repository)), rate_(&rate), bytes_read_(&bytes_read) {}

  result<void> load();
  void stop() { stopping_ = true; }
  bool contains(const longshore::digest& d) const { return known_.contains(d); }
  std::vector<longshore::digest> left() const;

  task<presence> read(longshore::digest d);
  task<presence> read_blob(longshore::digest d);
  task<manifest_document> read_manifest(longshore::digest d);
  task<> note(longshore::digest d, presence found);

 private:
  task<presence> read_once(const longshore::digest& d);
  task<> doubt(const longshore::digest& d);

  const sync_world* world_;
  std::string repository_;
  pace* rate_;
  std::uint64_t* bytes_read_;
  std::map<longshore::digest, doubt_of> known_;  // when it began, and found since
  std::set<longshore::digest> noted_;            // of these
  bool stopping_ = false;
};

}  // namespace longshore::engine
