#pragma once

// The key-value store in memory: ordered maps behind storage/database.h, for simulations that make thousands of
// them. Deterministic, no threads, no files.
//
// Promises what the interface promises, with the process for its disk: crash() is what a power cut leaves, that is,
// synced commits and those before them, without any that was unlogged since the last flush. Snapshots and scans share
// the maps until a commit, which then copies what it changes: hold them briefly. One thread.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/database.h"

namespace longshore::storage::testing {

class memory_database final : public database {
 public:
  explicit memory_database(const std::vector<family_spec>& families);

  // Takes back every commit since the last synced one. Nobody may hold a snapshot or a scan.
  void crash();

  family named(std::string_view name) const override;
  result<std::optional<std::string>> get(family f, std::string_view key, const snapshot* at) const override;
  scan range(family f, scan_range r, const snapshot* at) const override;
  result<std::optional<std::pair<std::string, std::string>>> last(family f) const override;
  snapshot take_snapshot() const override;
  result<void> commit(write_batch& batch, durability d) override;
  bool poisoned() const override { return false; }
  bool read_only() const override { return false; }
  result<void> clear(family f) override;
  result<void> flush() override;
  std::uint64_t wal_syncs() const override { return syncs_; }

 private:
  using rows = std::map<std::string, std::string, std::less<>>;
  struct table {
    std::string name;
    std::shared_ptr<rows> content = std::make_shared<rows>();
  };
  struct moment;
  class cursor;
  // How to take one change back.
  struct undo {
    std::uint32_t family_index;
    std::string key;
    std::optional<std::string> before;
    bool logged;
  };

  rows& changeable(std::uint32_t family_index);
  const std::shared_ptr<rows>& seen(family f, const snapshot* at) const;

  std::vector<table> tables_;  // by family::index
  std::vector<undo> unsynced_;
  std::uint64_t syncs_ = 0;
};

}  // namespace longshore::storage::testing
