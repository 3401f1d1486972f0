#include "tools/offline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "log/projection.h"
#include "log/verifier.h"
#include "tests/unit/tools/site_fixture.h"

namespace longshore::tools {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::map<std::string, std::string> files_of(const std::filesystem::path& dir) {
  std::map<std::string, std::string> all;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(dir)) {
    if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    all[entry.path().string()] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return all;
}

// A write to the one file, by its full device, is what a full disk answers.
class site_store_test : public site_fixture {};

TEST_F(site_store_test, a_full_disk_does_not_keep_a_site_from_opening_that_opened_before) {
  append({push("team/app", "v1", digest_text('a'))});
  const auto made = site_path() / "db.made", aside = site_path() / "db.made.new";
  ASSERT_TRUE(std::filesystem::remove(made)) << "as a version before left it";
  std::filesystem::create_symlink("/dev/full", aside);
  {
    const auto opened = open_site_store(site_path(), store_access::write);
    ASSERT_TRUE(opened) << opened.error().text;
  }
  EXPECT_FALSE(std::filesystem::exists(made));
  std::filesystem::remove(aside);
  ASSERT_TRUE(open_site_store(site_path(), store_access::write));
  EXPECT_TRUE(std::filesystem::exists(made));
}

class offline : public site_fixture {
 protected:
  void SetUp() override {
    append({push("team/app", "v1", digest_text('a')), push("team/app", "v2", digest_text('b')),
            push("base", "latest", digest_text('c')), push("team/app", "v1", digest_text('d')),
            erased("team/app", "v2")});
  }

  void open(store_access access = store_access::read_only) {
    auto opened = open_site_store(site_path(), access);
    ASSERT_TRUE(opened) << opened.error().text;
    store.emplace(std::move(*opened));
    auto opened_logs = open_site_logs(*store);
    ASSERT_TRUE(opened_logs) << opened_logs.error().text;
    logs.emplace(std::move(*opened_logs));
  }

  std::vector<std::string> state(std::uint64_t size, std::string_view repository = {}) {
    std::vector<std::string> lines;
    const auto folded =
        state_at(*logs->log, size, repository,
                 [&](const engine::desired_item& i) {
                   if (i.is_tag)
                     lines.push_back(i.repository + ":" + i.ref + "=" + (i.gone ? "gone" : i.digest.substr(7, 1)));
                 },
                 {});
    EXPECT_TRUE(folded) << folded.error().text;
    return lines;
  }

  std::optional<site_store> store;
  std::optional<site_logs> logs;
};

TEST_F(offline, the_state_after_each_record_is_the_state_as_it_was) {
  open();
  EXPECT_THAT(state(0), ElementsAre());
  EXPECT_THAT(state(1), ElementsAre("team/app:v1=a"));
  EXPECT_THAT(state(3), ElementsAre("base:latest=c", "team/app:v1=a", "team/app:v2=b"));
  EXPECT_THAT(state(4), ElementsAre("base:latest=c", "team/app:v1=d", "team/app:v2=b"));
  EXPECT_THAT(state(5), ElementsAre("base:latest=c", "team/app:v1=d", "team/app:v2=gone"));
  EXPECT_THAT(state(5, "base"), ElementsAre("base:latest=c"));
}

TEST_F(offline, the_replayed_state_is_the_live_view) {
  open();
  std::vector<engine::desired_item> live, replayed;
  for (const char* repository : {"base", "team/app"}) {
    ASSERT_TRUE(logs->desired->items(repository, [&](const engine::desired_item& i) {
      live.push_back(i);
      return true;
    }));
  }
  ASSERT_TRUE(state_at(*logs->log, 5, "", [&](const engine::desired_item& i) { replayed.push_back(i); }, {}));
  EXPECT_FALSE(live.empty());
  EXPECT_EQ(live, replayed);
}

TEST_F(offline, a_moment_is_a_seq_or_a_time) {
  open();
  EXPECT_EQ(size_for(*logs->log, "0").value(), 1u);
  EXPECT_EQ(size_for(*logs->log, "4").value(), 5u);
  EXPECT_FALSE(size_for(*logs->log, "5"));
  EXPECT_FALSE(size_for(*logs->log, "yesterday"));
  EXPECT_EQ(size_for(*logs->log, to_rfc3339({1'790'000'000'000'000})).value(), 0u);
  EXPECT_EQ(size_for(*logs->log, to_rfc3339({1'790'000'002'000'000})).value(), 2u);
  EXPECT_EQ(size_for(*logs->log, to_rfc3339({1'790'000'002'999'999})).value(), 2u);
  EXPECT_EQ(size_for(*logs->log, to_rfc3339({1'800'000'000'000'000})).value(), 5u);
}

TEST_F(offline, every_record_of_the_range_is_exported_in_order) {
  open();
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line) -> result<void> {
    lines.emplace_back(line);
    return {};
  };
  EXPECT_EQ(export_records(*logs->log, {}, keep, {}).value(), 5u);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_THAT(lines[0], HasSubstr("\"seq\":0"));
  EXPECT_THAT(lines[4], HasSubstr("\"seq\":4"));
  lines.clear();
  EXPECT_EQ(export_records(*logs->log, {1, 3}, keep, {}).value(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("\"seq\":1"));
}

TEST_F(offline, an_export_whose_output_fails_says_so_and_stops) {
  open();
  int lines = 0;
  const auto full = [&](std::string_view) -> result<void> {
    if (++lines == 3) return fail(errc::no_space, "disk full");
    return {};
  };
  const auto exported = export_records(*logs->log, {}, full, {});
  ASSERT_FALSE(exported);
  EXPECT_EQ(exported.error().code, errc::no_space);
  EXPECT_THAT(exported.error().text, HasSubstr("2 records exported"));
  EXPECT_EQ(lines, 3);
}

TEST_F(offline, reading_a_directory_changes_no_byte_of_it) {
  const auto before = files_of(site_path());
  open();
  ASSERT_FALSE(state(5).empty());
  ASSERT_TRUE(log::verify(*store->db, replicated_log));
  logs.reset();
  store.reset();
  EXPECT_EQ(files_of(site_path()), before);
}

TEST_F(offline, rebuilt_views_have_the_same_bytes) {
  open(store_access::write);
  const auto rebuilt = rebuild_views(*logs, {});
  ASSERT_TRUE(rebuilt) << rebuilt.error().text;
  ASSERT_EQ(rebuilt->size(), 7u);
  for (const rebuilt_view& v : *rebuilt) EXPECT_EQ(v.digest, v.digest_before) << v.name;
}

TEST_F(offline, a_damaged_view_is_told_from_its_rebuild) {
  open(store_access::write);
  storage::write_batch batch;
  batch.put(logs->desired->families().front(), "intruder", "row");
  ASSERT_TRUE(store->db->commit(batch, storage::durability::synced));
  const auto first = rebuild_views(*logs, {});
  ASSERT_TRUE(first);
  EXPECT_NE(first->front().digest, first->front().digest_before);
  const auto second = rebuild_views(*logs, {});
  ASSERT_TRUE(second);
  EXPECT_EQ(second->front().digest, second->front().digest_before);
  EXPECT_EQ(second->front().digest, first->front().digest);
}

TEST_F(offline, a_directory_in_use_is_refused) {
  open();
  const auto second = open_site_store(site_path(), store_access::read_only);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, errc::busy);
}

TEST_F(offline, a_directory_without_a_site_is_refused_and_left_as_it_is) {
  for (const store_access access : {store_access::read_only, store_access::write}) {
    const auto none = open_site_store(dir.path() / "nowhere", access);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, errc::not_found);
  }
  EXPECT_FALSE(std::filesystem::exists(dir.path() / "nowhere"));
}

TEST_F(offline, a_store_opened_again_holds_what_was_appended) {
  append({push("late", "v1", digest_text('e'))});
  open();
  EXPECT_EQ(logs->log->durable_size(), 6u);
  EXPECT_THAT(state(6, "late"), ElementsAre("late:v1=e"));
}

// A mount that did not come up, a wrong rm, half a restore: VERSION alone says that here is a site.
TEST_F(offline, a_site_without_its_database_is_damaged_and_not_new) {
  for (const bool mount_point : {true, false}) {
    std::filesystem::remove_all(site_path() / "db");
    if (mount_point) std::filesystem::create_directory(site_path() / "db");
    for (const auto access : {store_access::create, store_access::write, store_access::read_only}) {
      const auto opened = open_site_store(site_path(), access);
      ASSERT_FALSE(opened) << "a new, empty log takes the old one's place and acknowledges events";
      EXPECT_EQ(opened.error().code, errc::corrupt) << opened.error().text;
      EXPECT_THAT(opened.error().text, HasSubstr("mount it"));
    }
  }
}

TEST_F(offline, a_site_of_an_older_version_is_known_as_one_from_its_next_start_on) {
  std::filesystem::remove(site_path() / "db.made");
  {
    ASSERT_TRUE(open_site_store(site_path(), store_access::create));
  }
  std::filesystem::remove_all(site_path() / "db");
  EXPECT_FALSE(open_site_store(site_path(), store_access::create));
}

}  // namespace
}  // namespace longshore::tools
