#pragma once

// Another database, with the rows counted that are read of it, and a row for each look for one: what a fold costs,
// whatever the machine.

#include <cstdint>
#include <memory>
#include <utility>

#include "storage/database.h"

namespace longshore::engine {

class counted_database final : public storage::database {
 public:
  explicit counted_database(storage::database& of) : of_(&of) {}
  std::uint64_t rows_read() const { return rows_read_; }

  storage::family named(std::string_view name) const override { return of_->named(name); }
  result<std::optional<std::string>> get(storage::family f, std::string_view key,
                                         const storage::snapshot* at) const override {
    ++rows_read_;
    return of_->get(f, key, at);
  }
  storage::scan range(storage::family f, storage::scan_range r, const storage::snapshot* at) const override {
    ++rows_read_;
    return storage::scan(std::make_unique<counted_cursor>(of_->range(f, std::move(r), at), rows_read_));
  }
  result<std::optional<std::pair<std::string, std::string>>> last(storage::family f) const override {
    return of_->last(f);
  }
  storage::snapshot take_snapshot() const override { return of_->take_snapshot(); }
  result<void> commit(storage::write_batch& batch, storage::durability d) override { return of_->commit(batch, d); }
  bool poisoned() const override { return of_->poisoned(); }
  bool read_only() const override { return of_->read_only(); }
  result<void> clear(storage::family f) override { return of_->clear(f); }
  result<void> flush() override { return of_->flush(); }
  std::uint64_t wal_syncs() const override { return of_->wal_syncs(); }

 private:
  struct counted_cursor final : storage::scan::cursor {
    counted_cursor(storage::scan r, std::uint64_t& n) : rows(std::move(r)), read(&n) {}
    bool valid() const override { return rows.valid(); }
    void next() override {
      ++*read;
      rows.next();
    }
    std::string_view key() const override { return rows.key(); }
    std::string_view value() const override { return rows.value(); }
    result<void> status() const override { return rows.status(); }
    storage::scan rows;
    std::uint64_t* read;
  };

  storage::database* of_;
  mutable std::uint64_t rows_read_ = 0;
};

}  // namespace longshore::engine
