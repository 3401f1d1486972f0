// The places of a copy, and the state that is kept for one of them.

#include "tools/copy_endpoints.h"

#include <fstream>

#include "storage/env/clock.h"
#include "tests/unit/local/local_fixture.h"
#include "tests/unit/tools/site_fixture.h"
#include "tools/copy_state.h"

namespace longshore::tools {
namespace {

namespace fs = std::filesystem;

class copy_endpoints_test : public tests::registry_runner {};

TEST_F(copy_endpoints_test, a_target_that_cannot_be_finished_does_not_take_the_others_along) {
  scratch_dir dir;
  longshore::system_clock clock;
  const auto first = dir.path() / "a.tar", second = dir.path() / "b.tar";
  copy_endpoints places(io.get_executor(), clock, {}, {});
  for (const auto& file : {first, second}) {
    api::image_reference at;
    at.transport = api::image_transport::oci_archive;
    at.location = file.string();
    ASSERT_TRUE(get(places.target(at)));
  }
  fs::create_directories(first / "in the way");
  const auto unfinished = get(places.finish([](engine::registry*) { return true; }));
  ASSERT_EQ(unfinished.size(), 1u);
  EXPECT_EQ(unfinished[0].target->name(), "oci-archive:" + first.string());
  EXPECT_TRUE(fs::exists(second));
}

TEST_F(copy_endpoints_test, an_archive_into_which_nothing_was_brought_does_not_come_to_be) {
  scratch_dir dir;
  longshore::system_clock clock;
  api::image_reference at;
  at.transport = api::image_transport::oci_archive;
  at.location = (dir.path() / "a.tar").string();
  {
    copy_endpoints places(io.get_executor(), clock, {}, {});
    ASSERT_TRUE(get(places.target(at)));
    EXPECT_TRUE(get(places.finish([](engine::registry*) { return false; })).empty());
  }
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

TEST(registry_addresses, plain_http_is_spoken_on_the_loopback_only_unless_told) {
  for (const char* here : {"localhost", "localhost:5000", "127.0.0.1:5000", "127.9.9.9", "[::1]", "[::1]:5001"}) {
    EXPECT_EQ(registry_address(here, false), "http://" + std::string(here));
  }
  for (const char* there : {"169.254.10.1", "169.254.10.1:5000", "[fe80::1]:5000", "registry.example", "10.0.0.1:5000",
                            "[2001:db8::1]:5000"}) {
    EXPECT_EQ(registry_address(there, false), "https://" + std::string(there));
    EXPECT_EQ(registry_address(there, true), "http://" + std::string(there));
  }
}

class copy_state_test : public site_fixture {};

TEST_F(copy_state_test, the_data_directory_of_a_site_is_no_state_of_copies) {
  append({push("team/app", "v1", digest_text('a'))});
  EXPECT_EQ(copy_state::open(site_path(), "elsewhere:5000", now).error().code, errc::conflict);
  EXPECT_EQ(copy_state::look(site_path(), "elsewhere:5000").error().code, errc::conflict);
  EXPECT_FALSE(fs::exists(site_path() / "copy-target"));
}

TEST_F(copy_state_test, a_state_is_its_targets_and_that_of_a_first_run_that_was_cut_short_is_begun_again) {
  {
    const auto begun = open_site_store(site_path(), store_access::create);
    ASSERT_TRUE(begun) << begun.error().text;
  }
  for (int run = 0; run < 2; ++run) {
    auto state = copy_state::open(site_path(), "here:5000", now);
    ASSERT_TRUE(state) << state.error().text;
  }
  EXPECT_TRUE(copy_state::look(site_path(), "here:5000"));
  EXPECT_EQ(copy_state::open(site_path(), "there:5000", now).error().code, errc::conflict);
}

TEST_F(copy_state_test, a_look_changes_no_byte) {
  EXPECT_EQ(copy_state::look(site_path(), "here:5000").error().code, errc::not_found);
  EXPECT_FALSE(fs::exists(site_path()));
  {
    ASSERT_TRUE(copy_state::open(site_path(), "here:5000", now));
  }
  const auto bytes = [&] {
    std::map<std::string, std::string> all;
    for (const auto& entry : fs::recursive_directory_iterator(site_path())) {
      std::ifstream in(entry.path(), std::ios::binary);
      if (entry.is_regular_file()) all[entry.path()] = std::string(std::istreambuf_iterator<char>(in), {});
    }
    return all;
  };
  const auto before = bytes();
  {
    ASSERT_TRUE(copy_state::look(site_path(), "here:5000"));
  }
  EXPECT_TRUE(bytes() == before);
}

}  // namespace
}  // namespace longshore::tools
