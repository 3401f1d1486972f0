// What storage/database.h promises, of every implementation.

#include <gtest/gtest.h>

#include <map>

#include "storage/database.h"
#include "storage/overlay.h"
#include "tests/support/memory/memory_database.h"
#include "tests/support/scratch.h"

namespace longshore::storage {
namespace {

using row_map = std::map<std::string, std::string>;

const std::vector<family_spec> families{{"rows", family_kind::lookup}, {"records", family_kind::append_only}};

struct rocks {
  longshore::testing::scratch directory;
  std::unique_ptr<database> make() {
    auto opened = database::open({.path = directory.path() / "db", .families = families});
    EXPECT_TRUE(opened) << opened.error().text;
    return *std::move(opened);
  }
};
struct memory {
  std::unique_ptr<database> make() { return std::make_unique<testing::memory_database>(families); }
};

template <class Maker>
class database_contract : public ::testing::Test {
 protected:
  void put(const char* in, std::string_view key, std::string_view value, durability d = durability::synced) {
    write_batch batch;
    batch.put(db_->named(in), key, value);
    ASSERT_TRUE(db_->commit(batch, d));
  }
  row_map rows(const char* in, scan_range range = {}, const snapshot* at = nullptr) const {
    row_map found;
    auto walk = db_->range(db_->named(in), std::move(range), at);
    for (; walk.valid(); walk.next()) EXPECT_TRUE(found.emplace(walk.key(), walk.value()).second);
    EXPECT_TRUE(walk.status());
    return found;
  }

  Maker maker_;
  std::unique_ptr<database> db_ = maker_.make();
};
using implementations = ::testing::Types<rocks, memory>;
TYPED_TEST_SUITE(database_contract, implementations);

TYPED_TEST(database_contract, what_was_put_is_got_and_families_are_apart) {
  this->put("rows", "a", "1");
  this->put("rows", std::string_view("a\0b", 3), "");
  const auto get = [&](const char* in, std::string_view key) {
    return this->db_->get(this->db_->named(in), key).value();
  };
  EXPECT_EQ(get("rows", "a"), "1");
  EXPECT_EQ(get("rows", std::string_view("a\0b", 3)), "");
  EXPECT_EQ(get("rows", "b"), std::nullopt);
  EXPECT_EQ(get("records", "a"), std::nullopt);
}

TYPED_TEST(database_contract, of_a_batch_the_later_change_wins) {
  this->put("rows", "gone", "1");
  write_batch batch;
  batch.put(this->db_->named("rows"), "k", "old");
  batch.put(this->db_->named("rows"), "k", "new");
  batch.put(this->db_->named("rows"), "back", "1");
  batch.erase(this->db_->named("rows"), "back");
  batch.erase(this->db_->named("rows"), "gone");
  batch.erase(this->db_->named("rows"), "never there");
  batch.put(this->db_->named("records"), "k", "");
  ASSERT_TRUE(this->db_->commit(batch, durability::synced));
  EXPECT_EQ(this->rows("rows"), (row_map{{"k", "new"}}));
  EXPECT_EQ(this->rows("records"), (row_map{{"k", ""}}));
}

TYPED_TEST(database_contract, a_scan_keeps_to_its_range_in_the_order_of_bytes) {
  for (const char* key : {"a", "b", "ba", "bz", "c", "c\xff"}) this->put("rows", key, key);
  std::vector<std::string> order;
  auto walk = this->db_->range(this->db_->named("rows"), {});
  for (; walk.valid(); walk.next()) order.emplace_back(walk.key());
  EXPECT_EQ(order, (std::vector<std::string>{"a", "b", "ba", "bz", "c", "c\xff"}));
  EXPECT_EQ(this->rows("rows", {"b", "c", 0}).size(), 3u);
  EXPECT_EQ(this->rows("rows", with_prefix("c\xff")).size(), 1u);
  EXPECT_EQ(this->rows("rows", {"bz", std::nullopt, 1u << 20}).size(), 3u);
  EXPECT_TRUE(this->rows("rows", {"c", "b", 0}).empty()) << "an upper end before the lower one";
  EXPECT_TRUE(this->rows("rows", with_prefix("x")).empty());
}

TYPED_TEST(database_contract, the_last_row_of_a_family_is_found) {
  EXPECT_EQ(this->db_->last(this->db_->named("rows")).value(), std::nullopt);
  this->put("rows", "b", "2");
  this->put("rows", "a", "1");
  EXPECT_EQ(this->db_->last(this->db_->named("rows")).value(), (std::pair<std::string, std::string>("b", "2")));
}

TYPED_TEST(database_contract, snapshots_and_scans_do_not_see_later_changes) {
  this->put("rows", "a", "1");
  const snapshot before = this->db_->take_snapshot();
  auto walking = this->db_->range(this->db_->named("rows"), {});
  this->put("rows", "a", "2");
  this->put("rows", "b", "2");
  EXPECT_EQ(this->db_->get(this->db_->named("rows"), "a", &before).value(), "1");
  EXPECT_EQ(this->rows("rows", {}, &before), (row_map{{"a", "1"}}));
  ASSERT_TRUE(walking.valid());
  EXPECT_EQ(walking.value(), "1");
  walking.next();
  EXPECT_FALSE(walking.valid());
  EXPECT_EQ(this->rows("rows").size(), 2u);
}

TYPED_TEST(database_contract, a_cleared_family_is_empty_and_usable) {
  this->put("rows", "a", "1");
  this->put("records", "kept", "1");
  ASSERT_TRUE(this->db_->clear(this->db_->named("rows")));
  EXPECT_TRUE(this->rows("rows").empty());
  EXPECT_EQ(this->rows("records").size(), 1u);
  this->put("rows", "b", "2");
  EXPECT_EQ(this->rows("rows"), (row_map{{"b", "2"}}));
}

TYPED_TEST(database_contract, an_overlay_merges_what_is_stored_with_what_is_not) {
  for (const char* key : {"p1", "p2", "p4", "q"}) this->put("rows", key, "stored");
  overlay state(*this->db_);
  const family f = this->db_->named("rows");
  state.put(f, "p3", "mine");
  state.erase(f, "p2");
  std::vector<std::string> seen;
  state.scan_prefix(f, "p", [&](std::string_view key, std::string_view value) {
    seen.push_back(std::string(key) + "=" + std::string(value));
    return true;
  });
  EXPECT_EQ(seen, (std::vector<std::string>{"p1=stored", "p3=mine", "p4=stored"}));
}

TYPED_TEST(database_contract, synced_commits_are_counted) {
  const auto before = this->db_->wal_syncs();
  this->put("rows", "a", "1", durability::buffered);
  EXPECT_EQ(this->db_->wal_syncs(), before);
  this->put("rows", "a", "2");
  EXPECT_EQ(this->db_->wal_syncs(), before + 1);
}

TYPED_TEST(database_contract, what_is_unlogged_is_seen_at_once_and_kept_by_a_flush) {
  this->put("rows", "a", "1", durability::unlogged);
  EXPECT_EQ(this->rows("rows"), (row_map{{"a", "1"}}));
  ASSERT_TRUE(this->db_->flush());
  EXPECT_EQ(this->rows("rows"), (row_map{{"a", "1"}}));
}

TEST(memory_database, a_crash_takes_back_what_is_unlogged_though_a_synced_commit_came_after_it) {
  testing::memory_database db({{"rows"}, {"others"}});
  const auto change = [&](const char* name, const char* key, durability d) {
    write_batch batch;
    batch.put(db.named(name), key, "1");
    ASSERT_TRUE(db.commit(batch, d));
  };
  change("rows", "kept", durability::unlogged);
  ASSERT_TRUE(db.flush());
  change("rows", "lost", durability::unlogged);
  change("others", "kept", durability::synced);
  db.crash();
  EXPECT_TRUE(db.get(db.named("rows"), "kept", nullptr).value());
  EXPECT_FALSE(db.get(db.named("rows"), "lost", nullptr).value());
  EXPECT_TRUE(db.get(db.named("others"), "kept", nullptr).value());
}

TEST(memory_database, a_crash_takes_back_what_no_synced_commit_covers) {
  testing::memory_database db(families);
  const family f = db.named("rows");
  const auto change = [&](std::string_view key, std::string_view value, durability d) {
    write_batch batch;
    batch.put(f, key, value);
    EXPECT_TRUE(db.commit(batch, d));
  };
  change("a", "buffered", durability::buffered);
  change("b", "synced", durability::synced);
  change("a", "lost", durability::buffered);
  change("a", "lost too", durability::buffered);
  change("c", "lost", durability::buffered);
  db.crash();
  EXPECT_EQ(db.get(f, "a", nullptr).value(), "buffered");
  EXPECT_EQ(db.get(f, "b", nullptr).value(), "synced");
  EXPECT_EQ(db.get(f, "c", nullptr).value(), std::nullopt);
}

}  // namespace
}  // namespace longshore::storage
