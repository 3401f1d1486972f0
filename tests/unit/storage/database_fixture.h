#pragma once

// A database in a scratch directory, with a family of each kind.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "storage/database.h"
#include "tests/support/scratch.h"

namespace longshore::storage {

class database_test : public ::testing::Test {
 protected:
  database_options options() const {
    database_options o;
    o.path = scratch_.path() / "db";
    o.families = {{"rows", family_kind::lookup}, {"records", family_kind::append_only}};
    return o;
  }
  void open(database_options with) {
    db_.reset();
    auto opened = database::open(std::move(with));
    ASSERT_TRUE(opened) << opened.error().text;
    db_ = *std::move(opened);
  }
  void open() { open(options()); }

  void put(const char* family_name, std::string_view key, std::string_view value, durability d = durability::synced) {
    write_batch batch;
    batch.put(db_->named(family_name), key, value);
    ASSERT_TRUE(db_->commit(batch, d));
  }
  std::optional<std::string> get(const char* family_name, std::string_view key) {
    auto value = db_->get(db_->named(family_name), key);
    EXPECT_TRUE(value);
    return value ? *value : std::nullopt;
  }
  std::map<std::string, std::string> rows(const char* family_name, scan_range range = {}) {
    std::map<std::string, std::string> found;
    auto walk = db_->range(db_->named(family_name), std::move(range));
    for (; walk.valid(); walk.next()) found.emplace(walk.key(), walk.value());
    EXPECT_TRUE(walk.status());
    return found;
  }

  longshore::testing::scratch scratch_;
  std::unique_ptr<database> db_;
};

}  // namespace longshore::storage
