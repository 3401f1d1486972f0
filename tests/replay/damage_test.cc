// A log that was changed behind Longshore's back: `log verify` names the first bad record.

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "log/verifier.h"
#include "tests/replay/history.h"

namespace longshore::replay {
namespace {

constexpr std::uint64_t records = 300;

struct spoken {
  int exit_code = -1;
  std::string text;
};

// The command line's word on a directory. SITE_PROGRAM names the program.
spoken verify_by_command(const std::filesystem::path& directory) {
  const char* program = std::getenv("SITE_PROGRAM");
  spoken said;
  if (program == nullptr) return said;
  const std::string command = "'" + std::string(program) + "' log verify --json '" + directory.string() + "' 2>&1";
  std::FILE* out = ::popen(command.c_str(), "r");
  if (out == nullptr) return said;
  std::array<char, 4096> buffer{};
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), out)) said.text.append(buffer.data(), n);
  const int status = ::pclose(out);
  said.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

class damage : public testing::Test {
 protected:
  void SetUp() override {
    live_site site(directory_.path());
    seeded_random random(42);
    std::vector<log::event> events;
    for (std::uint64_t n = 0; n < records; ++n) {
      events.push_back(random_event(random, n));
      events.back().id = "id-" + std::to_string(n);
      events.back().detail = "{\"noise\":\"" + digest::of(std::to_string(n)).text() + "\"}";
    }
    site.append(std::move(events));
    ASSERT_TRUE(site.store().db->flush());
  }

  // Opens the directory as a site does, and lets change() at its records.
  void change(const std::function<void(storage::database&, storage::family, storage::write_batch&)>& how) {
    auto store = tools::open_site_store(directory_.path(), tools::store_access::write);
    ASSERT_TRUE(store) << store.error().text;
    storage::write_batch batch;
    how(*store->db, store->db->named("log.records"), batch);
    ASSERT_TRUE(store->db->commit(batch, storage::durability::synced));
    ASSERT_TRUE(store->db->flush());
  }

  static std::string record(storage::database& db, storage::family f, std::uint64_t seq) {
    const auto found = db.get(f, to_key(seq));
    EXPECT_TRUE(found && *found) << "record " << seq;
    return found && *found ? **found : std::string();
  }

  void expect_named(std::uint64_t seq) {
    {
      auto store = tools::open_site_store(directory_.path(), tools::store_access::read_only);
      ASSERT_TRUE(store) << store.error().text;
      const auto v = log::verify(*store->db, tools::replicated_log);
      ASSERT_TRUE(v) << v.error().text;
      ASSERT_TRUE(v->bad) << "the damage was not seen";
      EXPECT_EQ(v->bad->seq.value, seq) << v->bad->what;
      EXPECT_EQ(v->size, seq);
    }
    if (std::getenv("SITE_PROGRAM") == nullptr) return;
    const spoken said = verify_by_command(directory_.path());
    EXPECT_EQ(said.exit_code, 1) << said.text;
    EXPECT_NE(said.text.find("{\"seq\":" + std::to_string(seq) + ","), std::string::npos) << said.text;
  }

  scratch_directory directory_{"damage"};
};

TEST_F(damage, a_sound_log_is_found_sound) {
  {
    auto store = tools::open_site_store(directory_.path(), tools::store_access::read_only);
    ASSERT_TRUE(store) << store.error().text;
    const auto v = log::verify(*store->db, tools::replicated_log);
    ASSERT_TRUE(v) << v.error().text;
    EXPECT_FALSE(v->bad) << v->bad->what;
    EXPECT_EQ(v->size, records);
  }
  if (std::getenv("SITE_PROGRAM") == nullptr) return;
  const spoken said = verify_by_command(directory_.path());
  EXPECT_EQ(said.exit_code, 0) << said.text;
}

TEST_F(damage, a_flipped_bit_in_a_record_is_named) {
  seeded_random random(1);
  std::uint64_t lowest = records;
  for (int n = 0; n < 5; ++n) {
    const std::uint64_t seq = random.below(lowest);
    change([&](storage::database& db, storage::family f, storage::write_batch& batch) {
      std::string bytes = record(db, f, seq);
      const std::uint64_t bit = random.below(bytes.size() * 8);
      bytes[bit / 8] = static_cast<char>(static_cast<unsigned char>(bytes[bit / 8]) ^ (1u << (bit % 8)));
      batch.put(f, to_key(seq), bytes);
    });
    expect_named(seq);
    lowest = seq;
    if (lowest == 0) break;
  }
}

TEST_F(damage, a_dropped_record_is_named) {
  change([](storage::database&, storage::family f, storage::write_batch& batch) { batch.erase(f, to_key(117)); });
  expect_named(117);
}

TEST_F(damage, a_dropped_last_record_is_named) {
  change(
      [](storage::database&, storage::family f, storage::write_batch& batch) { batch.erase(f, to_key(records - 1)); });
  expect_named(records - 1);
}

TEST_F(damage, swapped_records_are_named_by_the_first_of_them) {
  change([](storage::database& db, storage::family f, storage::write_batch& batch) {
    const std::string one = record(db, f, 30), other = record(db, f, 31);
    batch.put(f, to_key(30), other);
    batch.put(f, to_key(31), one);
  });
  expect_named(30);
}

TEST_F(damage, a_flipped_bit_in_a_file_is_never_passed_over) {
  // The largest table is that of the records; its first half is data.
  std::filesystem::path table;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_.path())) {
    if (entry.path().extension() == ".sst" && (table.empty() || entry.file_size() > file_size(table))) {
      table = entry.path();
    }
  }
  ASSERT_FALSE(table.empty());
  seeded_random random(3);
  for (int n = 0; n < 20; ++n) {
    const auto at = static_cast<std::streamoff>(random.below(file_size(table) / 2));
    const char mask = static_cast<char>(1u << random.below(8));
    const auto flip = [&] {
      std::fstream file(table, std::ios::in | std::ios::out | std::ios::binary);
      file.seekg(at);
      const char was = static_cast<char>(file.get());
      file.seekp(at);
      file.put(static_cast<char>(was ^ mask));
      ASSERT_TRUE(file.good());
    };
    flip();
    {
      auto store = tools::open_site_store(directory_.path(), tools::store_access::read_only);
      if (store) {
        const auto v = log::verify(*store->db, tools::replicated_log);
        EXPECT_TRUE(!v || v->bad) << "byte " << at << " of " << table;
      }
    }
    flip();
  }
}

}  // namespace
}  // namespace longshore::replay
