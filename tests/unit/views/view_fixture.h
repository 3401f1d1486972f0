#pragma once

// A view over a database of its own, fed record by record as the sequencer would.

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "engine/actual.h"
#include "engine/desired.h"
#include "engine/locations.h"
#include "storage/database.h"
#include "storage/digest.h"
#include "tests/unit/views/counted_database.h"

namespace longshore::engine {

template <class View>
class view_test : public testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() / ("longshore-view-" + std::to_string(::getpid()) + "-" +
                                                      testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
    auto opened = storage::database::open({.path = path_, .families = View::family_specs()});
    ASSERT_TRUE(opened) << opened.error().text;
    db_ = *std::move(opened);
    counted_ = std::make_unique<counted_database>(*db_);
    view_ = std::make_unique<View>(*db_);
  }
  void TearDown() override {
    view_.reset();
    counted_.reset();
    db_.reset();
    std::filesystem::remove_all(path_);
  }

  // Folds one record, committed on return; its seq is the number folded before.
  log::event fold(log::event e) {
    e.seq = {next_++};
    e.recorded = {static_cast<std::int64_t>(1'000'000 + e.seq.value)};
    const auto record = log::encode(e);
    EXPECT_TRUE(record) << record.error().text;
    const auto seen = log::view_of(*record);
    EXPECT_TRUE(seen) << seen.error().text;
    storage::overlay state(*counted_);
    view_->apply(*seen, state);
    storage::write_batch batch;
    EXPECT_TRUE(state.drain(batch));
    EXPECT_TRUE(db_->commit(batch, storage::durability::buffered));
    return e;
  }

  std::filesystem::path path_;
  std::unique_ptr<storage::database> db_;
  std::unique_ptr<counted_database> counted_;  // what folding reads
  std::unique_ptr<View> view_;
  std::uint64_t next_ = 0;
};

inline std::string digest_of(std::string_view what) { return longshore::digest::of(what).text(); }

inline log::event said(log::event_kind kind, std::string repository, std::string tag, std::string digest,
                       std::string media_type = {}, std::string detail = {}) {
  log::event e;
  e.kind = kind;
  e.repository = std::move(repository);
  e.tag = std::move(tag);
  e.digest = std::move(digest);
  e.media_type = std::move(media_type);
  e.detail = std::move(detail);
  return e;
}

}  // namespace longshore::engine
