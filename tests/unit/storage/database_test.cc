#include <algorithm>
#include <fstream>
#include <vector>

#include "tests/unit/storage/database_fixture.h"

namespace longshore::storage {
namespace {

using row_map = std::map<std::string, std::string>;

TEST_F(database_test, what_was_committed_is_there_after_reopening) {
  open();
  put("rows", "a", "1");
  put("records", "b", std::string(100'000, 'x'), durability::buffered);
  open();
  EXPECT_EQ(get("rows", "a"), "1");
  EXPECT_EQ(get("records", "b"), std::string(100'000, 'x'));
  EXPECT_EQ(get("rows", "b"), std::nullopt);
}

TEST_F(database_test, a_database_that_lost_its_current_file_is_damaged_and_not_new) {
  open();
  put("rows", "a", "1");
  db_.reset();
  std::filesystem::remove(options().path / "CURRENT");
  for (const bool read_only : {false, true}) {
    database_options with = options();
    with.read_only = read_only;
    const auto opened = database::open(with);
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, errc::corrupt);
    EXPECT_NE(opened.error().text.find("CURRENT"), std::string::npos) << opened.error().text;
  }
}

TEST_F(database_test, a_set_up_that_was_cut_short_is_done_again) {
  std::filesystem::create_directories(options().path);
  std::ofstream(options().path / "MANIFEST-000001") << "half";
  std::ofstream(options().path / "LOG") << "RocksDB's own";
  open();
  put("rows", "a", "1");
  EXPECT_EQ(get("rows", "a"), "1");
}

TEST_F(database_test, a_batch_changes_several_families_and_later_changes_win) {
  open();
  put("rows", "gone", "1");
  write_batch batch;
  batch.put(db_->named("rows"), "k", "old");
  batch.put(db_->named("rows"), "k", "new");
  batch.put(db_->named("records"), "k", "");
  batch.erase(db_->named("rows"), "gone");
  EXPECT_EQ(batch.count(), 4u);
  ASSERT_TRUE(db_->commit(batch, durability::synced));
  EXPECT_EQ(rows("rows"), (row_map{{"k", "new"}}));
  EXPECT_EQ(rows("records"), (row_map{{"k", ""}}));
  batch.clear();
  EXPECT_EQ(batch.count(), 0u);
  EXPECT_EQ(batch.size_bytes(), 0u);
}

TEST_F(database_test, a_scan_keeps_to_its_range) {
  open();
  for (const char* key : {"a", "b", "ba", "bz", "c", "c\xff"}) put("rows", key, key);
  EXPECT_EQ(rows("rows", {"b", "c", 0}), (row_map{{"b", "b"}, {"ba", "ba"}, {"bz", "bz"}}));
  EXPECT_EQ(rows("rows", with_prefix("b")), (row_map{{"b", "b"}, {"ba", "ba"}, {"bz", "bz"}}));
  EXPECT_EQ(rows("rows", with_prefix("c\xff")), (row_map{{"c\xff", "c\xff"}}));
  EXPECT_EQ(rows("rows", with_prefix("")).size(), 6u);
  EXPECT_EQ(rows("rows", {"bz", std::nullopt, 1u << 20}).size(), 3u);
  EXPECT_TRUE(rows("rows", with_prefix("x")).empty());
}

TEST_F(database_test, a_prefix_of_the_highest_bytes_has_no_upper_end) {
  open();
  put("rows", "\xff\xff\x01", "1");
  EXPECT_FALSE(with_prefix("\xff\xff").upper.has_value());
  EXPECT_EQ(rows("rows", with_prefix("\xff\xff")).size(), 1u);
  EXPECT_EQ(with_prefix("a\xff").upper, "b");
}

TEST_F(database_test, the_last_row_of_a_family_is_found) {
  open();
  auto last = db_->last(db_->named("rows"));
  ASSERT_TRUE(last);
  EXPECT_FALSE(last->has_value());
  put("rows", "a", "1");
  put("rows", "b", "2");
  last = db_->last(db_->named("rows"));
  ASSERT_TRUE(last && *last);
  EXPECT_EQ(**last, (std::pair<std::string, std::string>("b", "2")));
}

TEST_F(database_test, a_snapshot_does_not_see_later_changes) {
  open();
  put("rows", "a", "1");
  const snapshot before = db_->take_snapshot();
  put("rows", "a", "2");
  put("rows", "b", "2");
  EXPECT_EQ(db_->get(db_->named("rows"), "a", &before).value(), "1");
  auto walk = db_->range(db_->named("rows"), {}, &before);
  ASSERT_TRUE(walk.valid());
  EXPECT_EQ(walk.value(), "1");
  walk.next();
  EXPECT_FALSE(walk.valid());
}

TEST_F(database_test, a_cleared_family_is_empty_and_usable_and_stays_so) {
  open();
  for (int i = 0; i < 1'000; ++i) put("rows", std::to_string(i), "x", durability::buffered);
  ASSERT_TRUE(db_->flush());
  put("rows", "in memory", "x");
  put("records", "kept", "x");
  {
    const snapshot before = db_->take_snapshot();
    auto walking = db_->range(db_->named("rows"), {}, &before);
    ASSERT_TRUE(db_->clear(db_->named("rows")));
    EXPECT_TRUE(rows("rows").empty());
    std::size_t seen = 0;
    for (; walking.valid(); walking.next()) ++seen;
    EXPECT_EQ(seen, 1'001u) << "a scan begun before goes on";
  }
  put("rows", "new", "1");
  open();
  EXPECT_EQ(rows("rows"), (row_map{{"new", "1"}}));
  EXPECT_EQ(get("records", "kept"), "x");
}

TEST_F(database_test, there_is_none_unless_it_is_to_be_created) {
  auto o = options();
  o.create = false;
  EXPECT_EQ(database::open(o).error().code, errc::not_found);
  o.read_only = true;
  EXPECT_EQ(database::open(o).error().code, errc::not_found);
  o.create = true;
  EXPECT_EQ(database::open(o).error().code, errc::not_found) << "reading only creates nothing";
  open();
  put("rows", "a", "1");
  db_.reset();
  o = options();
  o.create = false;
  open(o);
  EXPECT_EQ(get("rows", "a"), "1");
}

TEST_F(database_test, a_second_opener_is_told_that_it_is_in_use) {
  open();
  const auto second = database::open(options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy) << second.error().text;
}

TEST_F(database_test, reading_only_sees_everything_and_changes_nothing) {
  open();
  put("rows", "flushed", "1");
  ASSERT_TRUE(db_->flush());
  put("rows", "in the write-ahead log", "2");
  auto o = options();
  o.read_only = true;
  o.families.push_back({"not there yet"});
  open(o);
  EXPECT_TRUE(db_->read_only());
  EXPECT_EQ(rows("rows").size(), 2u);
  EXPECT_TRUE(rows("not there yet").empty());
  EXPECT_EQ(get("not there yet", "k"), std::nullopt);
  EXPECT_FALSE(db_->last(db_->named("not there yet")).value().has_value());
  write_batch batch;
  batch.put(db_->named("rows"), "k", "v");
  EXPECT_EQ(db_->commit(batch, durability::synced).error().code, errc::unsupported);
  EXPECT_EQ(db_->clear(db_->named("rows")).error().code, errc::unsupported);
  EXPECT_FALSE(db_->poisoned());
}

TEST_F(database_test, a_family_that_is_no_longer_asked_for_is_kept) {
  open();
  put("records", "a", "1");
  auto o = options();
  o.families.pop_back();
  open(o);
  put("rows", "b", "1");
  open();
  EXPECT_EQ(get("records", "a"), "1");
}

TEST_F(database_test, synced_commits_are_counted) {
  open();
  const auto before = db_->wal_syncs();
  put("rows", "a", "1", durability::buffered);
  EXPECT_EQ(db_->wal_syncs(), before);
  put("rows", "a", "1");
  EXPECT_EQ(db_->wal_syncs(), before + 1);
}

// Flips a byte in the middle of the first file with this ending.
bool damage(const std::filesystem::path& folder, std::string_view ending) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(ending) || entry.file_size() < 1'000) continue;
    std::fstream f(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    const auto middle = static_cast<std::streamoff>(entry.file_size() / 2);
    f.seekg(middle);
    const char c = static_cast<char>(f.get());
    f.seekp(middle);
    f.put(static_cast<char>(c ^ 0x10));
    return true;
  }
  return false;
}

TEST_F(database_test, a_damaged_table_is_read_as_corrupt_never_as_other_bytes) {
  open();
  for (int i = 0; i < 2'000; ++i)
    put("records", std::to_string(10'000 + i), std::string(50, 'v'), durability::buffered);
  ASSERT_TRUE(db_->flush());
  db_.reset();
  ASSERT_TRUE(damage(scratch_.path() / "db", ".sst"));
  open();
  auto walk = db_->range(db_->named("records"), {});
  for (; walk.valid(); walk.next()) ASSERT_EQ(walk.value(), std::string(50, 'v'));
  ASSERT_FALSE(walk.status());
  EXPECT_EQ(walk.status().error().code, errc::corrupt);
}

TEST_F(database_test, a_write_ahead_log_damaged_before_its_tail_is_refused) {
  open();
  for (int i = 0; i < 500; ++i) put("records", std::to_string(i), std::string(50, 'v'), durability::buffered);
  db_.reset();
  ASSERT_TRUE(damage(scratch_.path() / "db", ".log"));
  const auto opened = database::open(options());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::corrupt) << opened.error().text;
}

// Several write-ahead logs are alive at once when one family was written out and another was not. Only the newest
// has a tail that a crash may tear.
class older_log_test : public database_test {
 protected:
  // Leaves "a" in the older log and "b" in the newer; returns the older.
  std::filesystem::path two_logs() {
    open();
    put("rows", "a", "1");
    for (int i = 0; i < 40; ++i) {  // more than the records' memory table takes: they alone are written out
      put("records", std::to_string(100 + i), std::string(1u << 20, 'v'), durability::buffered);
    }
    put("rows", "b", "2");
    db_.reset();
    std::vector<std::filesystem::path> logs;
    for (const auto& entry : std::filesystem::directory_iterator(options().path)) {
      if (entry.path().extension() == ".log") logs.push_back(entry.path());
    }
    std::ranges::sort(logs);
    EXPECT_GE(logs.size(), 2u);
    return logs.front();
  }
  void expect_refused() {
    auto opened = database::open(options());
    ASSERT_FALSE(opened) << "rows that were acknowledged are gone, newer ones are there, and nobody is told";
    EXPECT_EQ(opened.error().code, errc::corrupt) << opened.error().text;
  }
};

TEST_F(older_log_test, a_missing_older_log_is_refused) {
  std::filesystem::remove(two_logs());
  expect_refused();
}

TEST_F(older_log_test, an_older_log_that_was_cut_short_is_refused) {
  std::filesystem::resize_file(two_logs(), 7);
  expect_refused();
}

TEST_F(older_log_test, two_whole_logs_are_taken) {
  two_logs();
  open();
  EXPECT_EQ(get("rows", "a"), "1");
  EXPECT_EQ(get("rows", "b"), "2");
}

}  // namespace
}  // namespace longshore::storage
