#include "tools/site_log.h"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <fstream>
#include <set>
#include <sstream>

#include "tests/unit/tools/scratch_dir.h"

namespace longshore::tools {
namespace {

namespace fs = std::filesystem;

class site_log : public ::testing::Test {
 protected:
  ~site_log() override { spdlog::drop_all(); }
  log_file_settings settings() {
    log_file_settings s;
    s.path = dir.path() / "logs" / "site.log";
    return s;
  }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& at : fs::directory_iterator(dir.path() / "logs")) names.insert(at.path().filename().string());
    return names;
  }
  std::string text(const std::string& name) const {
    std::ifstream in(dir.path() / "logs" / name, std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }
  scratch_dir dir;
};

TEST_F(site_log, a_file_does_not_grow_without_bound_and_the_newest_lines_stay) {
  log_file_settings s = settings();
  s.bytes_max = 10'000;
  s.files_max = 3;
  ASSERT_TRUE(open_site_log(s));
  for (int i = 0; i < 2'000; ++i) spdlog::info("line {}", i);
  EXPECT_EQ(files(), (std::set<std::string>{"site.log", "site.1.log", "site.2.log"}));
  for (const std::string& name : files()) EXPECT_LE(fs::file_size(dir.path() / "logs" / name), s.bytes_max) << name;
  EXPECT_NE(text("site.log").find("line 1999\n"), std::string::npos);
}

TEST_F(site_log, one_file_alone_can_be_kept) {
  log_file_settings s = settings();
  s.bytes_max = 10'000;
  s.files_max = 1;
  ASSERT_TRUE(open_site_log(s));
  for (int i = 0; i < 2'000; ++i) spdlog::info("line {}", i);
  EXPECT_EQ(files(), std::set<std::string>{"site.log"});
  EXPECT_LE(fs::file_size(s.path), s.bytes_max);
  EXPECT_NE(text("site.log").find("line 1999\n"), std::string::npos);
}

TEST_F(site_log, a_start_goes_on_in_the_same_file) {
  ASSERT_TRUE(open_site_log(settings()));
  spdlog::info("before");
  spdlog::drop_all();
  ASSERT_TRUE(open_site_log(settings()));
  spdlog::info("after");
  EXPECT_EQ(files(), std::set<std::string>{"site.log"});
  const std::string all = text("site.log");
  EXPECT_LT(all.find(" info before\n"), all.find(" info after\n"));
}

TEST_F(site_log, a_path_that_cannot_be_written_is_named) {
  log_file_settings s = settings();
  s.path = "/proc/no/such/site.log";
  const auto opened = open_site_log(s);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, errc::io_failed);
  EXPECT_NE(opened.error().text.find("[log_file] path"), std::string::npos);
}

}  // namespace
}  // namespace longshore::tools
