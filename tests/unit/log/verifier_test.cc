// Damage of every sort, made behind the log's back, is named with the first record it concerns.

#include "log/verifier.h"

#include <fstream>

#include "log/layout.h"
#include "tests/unit/log/log_fixture.h"

namespace longshore::log {
namespace {

constexpr std::uint64_t size = 40;

class verifier_test : public log_test {
 protected:
  void SetUp() override {
    open_and_start();
    add_many(static_cast<int>(size));
    sequencer_.reset();
    records_ = records();
  }
  void put(storage::family f, std::string_view key, std::string_view value) {
    storage::write_batch batch;
    batch.put(f, key, value);
    ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  }
  void erase(storage::family f, std::string_view key) {
    storage::write_batch batch;
    batch.erase(f, key);
    ASSERT_TRUE(db_->commit(batch, storage::durability::synced));
  }
  void expect_bad(std::uint64_t seq, std::string_view what) {
    const auto v = verified();
    ASSERT_TRUE(v.bad);
    EXPECT_EQ(v.bad->seq.value, seq) << v.bad->what;
    EXPECT_NE(v.bad->what.find(what), std::string::npos) << v.bad->what;
    EXPECT_EQ(v.size, std::min(seq, size));
    EXPECT_EQ(v.root, log_->root_at(v.size).value_or(v.root));
  }
  timestamp recorded(std::size_t seq) const { return decode(records_[seq])->recorded; }

  std::vector<std::string> records_;
};

TEST_F(verifier_test, a_sound_log_is_sound_to_its_root) {
  const auto v = verified();
  EXPECT_FALSE(v.bad) << v.bad->what;
  EXPECT_EQ(v.size, size);
  EXPECT_EQ(v.root, log_->root_at(size).value());
}

TEST_F(verifier_test, an_empty_log_is_sound) {
  scratch_.clear();
  open();
  const auto v = verified();
  EXPECT_FALSE(v.bad);
  EXPECT_EQ(v.size, 0u);
  EXPECT_EQ(v.root, sha256({}));
}

TEST_F(verifier_test, it_works_on_a_database_open_for_reading_only) {
  auto with = options();
  with.read_only = true;
  open(with);
  std::uint64_t told = 0;
  const auto v = verify(*db_, "log", [&](std::uint64_t) { ++told; });
  ASSERT_TRUE(v);
  EXPECT_FALSE(v->bad);
  EXPECT_EQ(v->size, size);
  EXPECT_GT(told, 0u);
}

TEST_F(verifier_test, any_flipped_bit_of_a_record_is_named) {
  for (std::size_t at = 0; at < records_[17].size(); ++at) {
    std::string flipped = records_[17];
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 8));
    put(log_->records(), to_key(17), flipped);
    expect_bad(17, "");
  }
}

TEST_F(verifier_test, a_removed_record_is_named) {
  erase(log_->records(), to_key(0));
  expect_bad(0, "missing");
  put(log_->records(), to_key(0), records_[0]);
  erase(log_->records(), to_key(23));
  expect_bad(23, "missing");
}

TEST_F(verifier_test, a_log_cut_at_its_end_is_named) {
  for (std::uint64_t seq = size - 3; seq < size; ++seq) erase(log_->records(), to_key(seq));
  expect_bad(size - 3, "missing");
}

TEST_F(verifier_test, a_log_emptied_whole_is_named) {
  ASSERT_TRUE(db_->clear(log_->records()));
  expect_bad(0, "missing");
}

TEST_F(verifier_test, swapped_records_are_named_by_the_first_of_them) {
  put(log_->records(), to_key(11), records_[12]);
  put(log_->records(), to_key(12), records_[11]);
  expect_bad(11, "says it is 12");
}

TEST_F(verifier_test, a_changed_recorded_time_is_named) {
  event e = decode(records_[20]).value();
  e.recorded.us += 1;
  put(log_->records(), to_key(20), encode(e).value());
  expect_bad(20, "Merkle");
  e.recorded = {recorded(19).us - 1};
  put(log_->records(), to_key(20), encode(e).value());
  expect_bad(20, "before its predecessor");
}

TEST_F(verifier_test, a_record_rewritten_with_its_own_hash_is_caught_by_the_next_hash_up) {
  event e = decode(records_[20]).value();
  e.repository = "rewritten";
  const std::string record = encode(e).value();
  put(log_->records(), to_key(20), record);
  put(log_->merkle(), merkle_key(0, 20), bytes_of(leaf_hash(record)));
  expect_bad(21, "Merkle");
}

TEST_F(verifier_test, a_record_appended_behind_the_end_is_named) {
  event e = decode(records_[size - 1]).value();
  e.seq = {size};
  put(log_->records(), to_key(size), encode(e).value());
  expect_bad(size, "Merkle");
}

TEST_F(verifier_test, a_wrong_merkle_hash_is_named) {
  put(log_->merkle(), merkle_key(3, 1), bytes_of(sha256("x")));
  expect_bad(15, "Merkle");
}

TEST_F(verifier_test, a_missing_merkle_hash_is_named) {
  erase(log_->merkle(), merkle_key(0, 9));
  expect_bad(9, "Merkle");
}

TEST_F(verifier_test, a_merkle_hash_too_many_is_named) {
  put(log_->merkle(), merkle_key(0, size), bytes_of(sha256("x")));
  expect_bad(size, "Merkle");
  erase(log_->merkle(), merkle_key(0, size));
  put(log_->merkle(), merkle_key(40, 0), bytes_of(sha256("x")));
  expect_bad(size, "Merkle");
}

TEST_F(verifier_test, a_missing_or_stray_time_is_named) {
  erase(log_->times(), time_key(recorded(8), {8}));
  expect_bad(8, "time index");
  put(log_->times(), time_key(recorded(8), {8}), {});
  put(log_->times(), time_key({recorded(14).us - 1}, {14}), {});
  expect_bad(14, "time index");
  erase(log_->times(), time_key({recorded(14).us - 1}, {14}));
  put(log_->times(), time_key({recorded(39).us + 1}, {40}), {});
  expect_bad(size, "time index");
}

TEST_F(verifier_test, a_wrong_missing_or_stray_dedup_entry_is_named) {
  put(log_->dedup(), dedup_key("registry", "e5"), to_key(6));
  expect_bad(5, "dedup");
  put(log_->dedup(), dedup_key("registry", "e5"), "not a seq");
  expect_bad(5, "dedup");
  erase(log_->dedup(), dedup_key("registry", "e5"));
  expect_bad(5, "dedup");
  put(log_->dedup(), dedup_key("registry", "e5"), to_key(5));
  EXPECT_FALSE(verified().bad);
  put(log_->dedup(), dedup_key("registry", "never sent"), to_key(7));
  const auto v = verified();
  ASSERT_TRUE(v.bad);
  EXPECT_EQ(v.bad->seq.value, 7u) << "an event under this id would be taken for a double and lost";
}

TEST_F(verifier_test, a_wrong_mark_of_the_end_is_named) {
  put(log_->meta(), tail_key, to_value({size, sha256("x")}));
  EXPECT_EQ(verified().bad->seq.value, size - 1);
  put(log_->meta(), tail_key, to_value({size + 2, log_->root_at(size).value()}));
  expect_bad(size, "missing");
  put(log_->meta(), tail_key, to_value({size - 2, log_->root_at(size - 2).value()}));
  EXPECT_EQ(verified().bad->seq.value, size - 2);
  put(log_->meta(), tail_key, "short");
  EXPECT_TRUE(verified().bad);
  erase(log_->meta(), tail_key);
  EXPECT_TRUE(verified().bad);
}

TEST_F(verifier_test, the_first_of_several_is_named) {
  erase(log_->dedup(), dedup_key("registry", "e30"));
  erase(log_->times(), time_key(recorded(25), {25}));
  put(log_->merkle(), merkle_key(0, 21), bytes_of(sha256("x")));
  expect_bad(21, "Merkle");
}

TEST_F(verifier_test, a_damaged_file_is_named_by_the_first_record_that_cannot_be_read) {
  start();
  for (int i = 0; i < 400; ++i) {
    event e = push_of("a", "large" + std::to_string(i));
    // Nothing a compressor could make small, so that the file has many blocks.
    std::uint32_t state = static_cast<std::uint32_t>(i) * 2'654'435'761u + 1;
    for (int j = 0; j < 2'000; ++j)
      e.detail.push_back(static_cast<char>((state = state * 1'664'525u + 1'013'904'223u) >> 24));
    ASSERT_TRUE(append(*sequencer_, {e}));
  }
  sequencer_.reset();
  ASSERT_TRUE(db_->flush());
  close();
  std::filesystem::path largest;
  for (const auto& entry : std::filesystem::directory_iterator(scratch_.path() / "db")) {
    if (entry.path().extension() != ".sst") continue;
    if (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)) largest = entry.path();
  }
  ASSERT_FALSE(largest.empty());
  {
    std::fstream f(largest, std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(static_cast<std::streamoff>(std::filesystem::file_size(largest) / 2));
    f.write("flip", 4);
  }
  auto with = options();
  with.read_only = true;
  db_ = storage::database::open(with).value();
  const auto v = verify(*db_, "log");
  ASSERT_TRUE(v);
  ASSERT_TRUE(v->bad);
  EXPECT_GT(v->bad->seq.value, size);
  EXPECT_LT(v->bad->seq.value, size + 400);
  EXPECT_EQ(v->size, v->bad->seq.value);
  EXPECT_NE(v->bad->what.find("cannot be read"), std::string::npos);
}

}  // namespace
}  // namespace longshore::log
