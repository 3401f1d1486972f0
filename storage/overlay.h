#pragma once

// Uncommitted changes over a database, read back as if they were there: what folding many events into views
// within one batch needs.
//
// Nothing is durable, or visible to anyone else, until the caller drains the overlay into a write_batch and
// commits that. What was read is remembered until then too, so a row is fetched once. Reads that fail (not: that
// find nothing) are remembered: failed() then holds the first failure and drain() refuses, so a fold can be written
// without a check per read and still never builds on a failed read.
// One owner, one thread. The database must outlive it, and nobody else may change the families read through it.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/database.h"

namespace longshore::storage {

class overlay {
 public:
  explicit overlay(const database& base) : base_(&base) {}

  std::optional<std::string> get(family f, std::string_view key);
  void put(family f, std::string_view key, std::string_view value);
  // As put(), by who knows that the database has no such row: erased again before drain(), it was never there, and
  // costs neither a row nor a tombstone.
  void put_new(family f, std::string_view key, std::string_view value);
  void erase(family f, std::string_view key);
  // Calls visit(key, value) in key order for every live key with this prefix, or in this range; visit returns false to
  // stop. visit must not read or change the overlay.
  void scan_prefix(family f, std::string_view prefix,
                   const std::function<bool(std::string_view, std::string_view)>& visit) {
    scan_range(f, with_prefix(prefix), visit);
  }
  void scan_range(family f, storage::scan_range r,
                  const std::function<bool(std::string_view, std::string_view)>& visit);

  const std::optional<error>& failed() const { return failed_; }
  // Moves all changes into batch and empties the overlay; fails (and moves nothing) after a failed read.
  result<void> drain(write_batch& batch);
  // Memory held, roughly; bounded by whoever drains.
  std::size_t size_bytes() const { return size_bytes_; }

 private:
  struct row {
    std::optional<std::string> value;  // none: not there
    bool changed = false;              // false: as the database has it
    bool is_new = false;               // the database has none
  };
  using rows = std::map<std::string, row, std::less<>>;
  static std::size_t size_of(std::string_view key, const row& r);

  rows& of(family f);
  void put(family f, std::string_view key, std::string_view value, bool is_new);

  const database* base_;
  std::vector<rows> families_;  // by family::index
  std::optional<error> failed_;
  std::size_t size_bytes_ = 0;
};

}  // namespace longshore::storage
