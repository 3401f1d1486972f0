#include "storage/data_dir.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <sstream>

#include "tests/support/scratch.h"

namespace longshore::storage {
namespace {

class data_directory : public ::testing::Test {
 protected:
  std::string content(const char* name) const {
    std::ifstream in(dir_ / name, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  void write(const char* name, std::string_view text) const { std::ofstream(dir_ / name) << text; }
  longshore::testing::scratch scratch_;
  std::filesystem::path dir_ = scratch_.path() / "a" / "site";
};

TEST_F(data_directory, creating_leaves_a_version_and_a_place_for_the_database) {
  const auto dir = data_dir::open(dir_, true);
  ASSERT_TRUE(dir) << dir.error().text;
  EXPECT_EQ(content("VERSION"), "longshore 1\n");
  EXPECT_EQ(dir->path(), dir_);
  EXPECT_EQ(dir->database_path(), dir_ / "db");
  EXPECT_TRUE(std::filesystem::is_directory(dir_ / "db"));
}

TEST_F(data_directory, nobody_else_may_look_into_it) {
  ASSERT_TRUE(data_dir::open(dir_, true));
  using std::filesystem::perms;
  EXPECT_EQ(std::filesystem::status(dir_).permissions() & (perms::group_all | perms::others_all), perms::none);
}

TEST_F(data_directory, it_is_opened_again_after_it_was_closed) {
  {
    ASSERT_TRUE(data_dir::open(dir_, true));
  }
  {
    EXPECT_TRUE(data_dir::open(dir_, true));
  }
  {
    EXPECT_TRUE(data_dir::open(dir_, false));
  }
}

TEST_F(data_directory, a_second_opener_is_told_who_holds_it) {
  const auto first = data_dir::open(dir_, true);
  ASSERT_TRUE(first);
  for (const bool create : {true, false}) {
    const auto second = data_dir::open(dir_, create);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, errc::busy);
    EXPECT_NE(second.error().text.find(std::to_string(::getpid())), std::string::npos) << second.error().text;
  }
}

TEST_F(data_directory, a_moved_holder_still_holds_it) {
  auto first = data_dir::open(dir_, true);
  ASSERT_TRUE(first);
  std::optional<data_dir> holder(std::move(*first));
  EXPECT_EQ(data_dir::open(dir_, true).error().code, errc::busy);
  holder.reset();
  EXPECT_TRUE(data_dir::open(dir_, true));
}

TEST_F(data_directory, nothing_is_created_unless_asked) {
  EXPECT_EQ(data_dir::open(dir_, false).error().code, errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(dir_));
  std::filesystem::create_directories(dir_);
  EXPECT_EQ(data_dir::open(dir_, false).error().code, errc::not_found);
  EXPECT_TRUE(std::filesystem::is_empty(dir_));
}

TEST_F(data_directory, an_unknown_version_is_refused_and_left_alone) {
  {
    ASSERT_TRUE(data_dir::open(dir_, true));
  }
  for (const char* version : {"longshore 2\n", "longshore 1", "longshore 1\nand more", "", "something else\n"}) {
    write("VERSION", version);
    for (const bool create : {true, false}) {
      const auto dir = data_dir::open(dir_, create);
      ASSERT_FALSE(dir) << version;
      EXPECT_EQ(dir.error().code, errc::unsupported);
    }
    EXPECT_EQ(content("VERSION"), version);
  }
}

TEST_F(data_directory, a_directory_with_other_files_is_not_taken_over) {
  std::filesystem::create_directories(dir_);
  write("thesis.txt", "words");
  const auto dir = data_dir::open(dir_, true);
  ASSERT_FALSE(dir);
  EXPECT_EQ(dir.error().code, errc::invalid);
  EXPECT_FALSE(std::filesystem::exists(dir_ / "VERSION"));
}

TEST_F(data_directory, a_set_up_that_was_cut_short_is_finished) {
  std::filesystem::create_directories(dir_ / "lost+found");
  write("LOCK", "");
  write("VERSION.new", "longsh");
  ASSERT_TRUE(data_dir::open(dir_, true));
  EXPECT_EQ(content("VERSION"), "longshore 1\n");
}

TEST_F(data_directory, space_is_refused_in_words_that_say_how_much) {
  const auto dir = data_dir::open(dir_, true);
  ASSERT_TRUE(dir);
  EXPECT_TRUE(dir->check_space(1));
  const auto none = dir->check_space(std::numeric_limits<std::uint64_t>::max());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, errc::no_space);
  EXPECT_NE(none.error().text.find("MiB free"), std::string::npos);
}

}  // namespace
}  // namespace longshore::storage
