#include "storage/overlay.h"

#include <random>

#include "tests/unit/storage/database_fixture.h"

namespace longshore::storage {
namespace {

using row_list = std::vector<std::pair<std::string, std::string>>;

class overlay_test : public database_test {
 protected:
  void SetUp() override {
    open();
    rows_ = db_->named("rows");
    records_ = db_->named("records");
  }
  static row_list scanned(overlay& state, family f, std::string_view prefix) {
    row_list found;
    state.scan_prefix(f, prefix, [&](std::string_view key, std::string_view value) {
      found.emplace_back(key, value);
      return true;
    });
    return found;
  }
  family rows_, records_;
};

TEST_F(overlay_test, changes_are_read_back_and_nobody_else_sees_them) {
  put("rows", "stored", "old");
  overlay state(*db_);
  EXPECT_EQ(state.get(rows_, "stored"), "old");
  state.put(rows_, "stored", "new");
  state.put(rows_, "added", "1");
  state.erase(rows_, "never there");
  EXPECT_EQ(state.get(rows_, "stored"), "new");
  EXPECT_EQ(state.get(rows_, "added"), "1");
  EXPECT_EQ(state.get(records_, "added"), std::nullopt) << "families are apart";
  state.erase(rows_, "stored");
  EXPECT_EQ(state.get(rows_, "stored"), std::nullopt);
  EXPECT_EQ(get("rows", "stored"), "old");
  EXPECT_EQ(get("rows", "added"), std::nullopt);
}

TEST_F(overlay_test, draining_moves_every_change_once) {
  put("rows", "a", "1");
  put("rows", "read only", "1");
  overlay state(*db_);
  state.get(rows_, "read only");
  state.get(rows_, "absent");
  state.erase(rows_, "a");
  state.put(rows_, "b", "2");
  state.put(records_, "c", "3");
  EXPECT_GT(state.size_bytes(), 0u);
  write_batch batch;
  ASSERT_TRUE(state.drain(batch));
  EXPECT_EQ(batch.count(), 3u) << "what was only read is not written";
  EXPECT_EQ(state.size_bytes(), 0u);
  ASSERT_TRUE(db_->commit(batch, durability::synced));
  EXPECT_EQ(rows("rows"), (std::map<std::string, std::string>{{"b", "2"}, {"read only", "1"}}));
  EXPECT_EQ(get("records", "c"), "3");
  batch.clear();
  ASSERT_TRUE(state.drain(batch));
  EXPECT_EQ(batch.count(), 0u);
}

TEST_F(overlay_test, a_new_row_that_is_erased_again_leaves_nothing_to_write) {
  put("rows", "stored", "1");
  overlay state(*db_);
  state.put_new(rows_, "brief", "1");
  state.put(rows_, "brief", "2");
  EXPECT_EQ(state.get(rows_, "brief"), "2");
  state.erase(rows_, "brief");
  EXPECT_EQ(state.get(rows_, "brief"), std::nullopt);
  state.get(rows_, "looked for");
  state.put(rows_, "looked for", "1");
  state.erase(rows_, "looked for");
  state.put_new(rows_, "brief", "3");
  state.erase(rows_, "brief");
  EXPECT_EQ(state.size_bytes(), 0u);
  state.get(rows_, "stored");
  state.put(rows_, "stored", "2");
  state.erase(rows_, "stored");
  write_batch batch;
  ASSERT_TRUE(state.drain(batch));
  EXPECT_EQ(batch.count(), 1u) << "only what the database has is erased there";
  ASSERT_TRUE(db_->commit(batch, durability::synced));
  EXPECT_TRUE(rows("rows").empty());
}

TEST_F(overlay_test, rows_written_over_are_counted_once) {
  overlay state(*db_);
  state.put(rows_, "key", std::string(1'000, 'v'));
  const std::size_t once = state.size_bytes();
  for (int i = 0; i < 100; ++i) state.put(rows_, "key", std::string(1'000, 'w'));
  EXPECT_EQ(state.size_bytes(), once);
}

TEST_F(overlay_test, a_scan_merges_stored_and_changed_rows_in_order) {
  for (const char* key : {"p1", "p3", "p5", "q"}) put("rows", key, "stored");
  overlay state(*db_);
  state.put(rows_, "p0", "new");
  state.put(rows_, "p3", "changed");
  state.erase(rows_, "p5");
  state.put(rows_, "p9", "new");
  state.put(rows_, "r", "outside");
  EXPECT_EQ(scanned(state, rows_, "p"), (row_list{{"p0", "new"}, {"p1", "stored"}, {"p3", "changed"}, {"p9", "new"}}));
  int seen = 0;
  state.scan_prefix(rows_, "p", [&](std::string_view, std::string_view) { return ++seen < 2; });
  EXPECT_EQ(seen, 2);
}

TEST_F(overlay_test, a_scan_of_a_range_begins_and_ends_inside_a_prefix) {
  for (const char* key : {"p1", "p3", "p5", "p7"}) put("rows", key, "stored");
  overlay state(*db_);
  for (const char* key : {"p2", "p4", "p6"}) state.put(rows_, key, "new");
  std::vector<std::string> found;
  state.scan_range(rows_, {.lower = "p3", .upper = "p6"}, [&](std::string_view key, std::string_view) {
    found.emplace_back(key);
    return true;
  });
  EXPECT_EQ(found, (std::vector<std::string>{"p3", "p4", "p5"}));
}

TEST_F(overlay_test, it_behaves_as_a_map_would) {
  std::mt19937 random(11);
  std::map<std::string, std::string> model;
  std::map<std::string, std::string> stored;
  overlay state(*db_);
  for (int step = 0; step < 4'000; ++step) {
    const std::string key = std::to_string(random() % 60);
    switch (random() % 6) {
      case 0:
      case 1:
        model[key] = std::to_string(step);
        state.put(rows_, key, model[key]);
        break;
      case 2:
        model.erase(key);
        state.erase(rows_, key);
        break;
      case 3: {
        const auto found = state.get(rows_, key);
        ASSERT_EQ(found.has_value(), model.contains(key));
        if (found) {
          ASSERT_EQ(*found, model[key]);
        }
        break;
      }
      case 4:
        if (stored.contains(key)) break;
        model[key] = std::to_string(step);
        state.put_new(rows_, key, model[key]);
        break;
      default: {
        const std::string prefix = key.substr(0, 1);
        row_list expected;
        for (const auto& [k, v] : model) {
          if (k.starts_with(prefix)) expected.emplace_back(k, v);
        }
        ASSERT_EQ(scanned(state, rows_, prefix), expected);
      }
    }
    if (step % 500 == 499) {
      write_batch batch;
      ASSERT_TRUE(state.drain(batch));
      ASSERT_TRUE(db_->commit(batch, durability::buffered));
      ASSERT_EQ(rows("rows"), model);
      stored = model;
    }
  }
  EXPECT_FALSE(state.failed());
}

TEST_F(overlay_test, a_failed_read_is_remembered_and_nothing_is_drained) {
  for (int i = 0; i < 2'000; ++i) put("rows", std::to_string(10'000 + i), std::string(50, 'v'), durability::buffered);
  ASSERT_TRUE(db_->flush());
  db_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(scratch_.path() / "db")) {
    if (entry.path().extension() != ".sst" || entry.file_size() < 10'000) continue;
    // The data blocks, not the index behind them.
    std::FILE* f = std::fopen(entry.path().c_str(), "r+b");
    ASSERT_NE(f, nullptr);
    for (long at = 0; at < 60'000; at += 100) {
      std::fseek(f, at, SEEK_SET);
      std::fputc(0x5a, f);
    }
    std::fclose(f);
  }
  open();
  overlay state(*db_);
  state.put(rows_, "new", "1");
  for (int i = 0; i < 2'000; ++i) state.get(rows_, std::to_string(10'000 + i));
  ASSERT_TRUE(state.failed());
  EXPECT_EQ(state.failed()->code, errc::corrupt);
  write_batch batch;
  EXPECT_FALSE(state.drain(batch));
  EXPECT_EQ(batch.count(), 0u);
}

}  // namespace
}  // namespace longshore::storage
