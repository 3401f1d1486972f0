#pragma once

// Random pasts of a registry, and a live site that has one: a data directory with a sequencer and its views.
//
// The same seed gives the same events. site_with_history owns its directory, which is gone when it is; append() returns
// after the events are durable and folded.

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "log/sequencer.h"
#include "storage/env/random.h"
#include "tools/site_store.h"

namespace longshore::replay {

// Pushes by tag and by digest, retagging, deletes of every kind, mounts, pulls, observations, epochs, and words and
// names that no version knows; over few enough names that they meet.
log::event random_event(random_source& random, std::uint64_t number);

class scratch_directory {
 public:
  explicit scratch_directory(const std::string& name);
  ~scratch_directory();
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Every key and value of the view's families, in order: equal dumps, equal views.
using dump = std::vector<std::string>;
dump dump_of(const storage::database& db, const log::view& v);

class live_site {
 public:
  explicit live_site(const std::filesystem::path& directory);
  ~live_site();
  void append(std::vector<log::event> events);
  tools::site_store& store() { return store_; }
  tools::site_logs& logs() { return logs_; }
  manual_clock& now() { return now_; }

 private:
  tools::site_store store_;
  tools::site_logs logs_;
  manual_clock now_{timestamp{1'790'000'000'000'000}};
  std::unique_ptr<log::sequencer> sequencer_;
};

}  // namespace longshore::replay
