#include "tools/json_text.h"

#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

TEST(json_text, an_object_is_lines_then_its_sections_then_its_tables) {
  const auto v = boost::json::parse(
      R"({"site":"oslo","log":{"size":12,"identity":"x"},"lag":0,"repositories":[{"name":"a","state":"synced"},)"
      R"({"name":"team/b","failed":2}],"none":[]})");
  EXPECT_EQ(to_text(v),
            "site  oslo\n"
            "lag   0\n"
            "none  []\n"
            "log:\n"
            "  size      12\n"
            "  identity  x\n"
            "repositories:\n"
            "  NAME    STATE   FAILED\n"
            "  a       synced\n"
            "  team/b          2\n");
}

TEST(json_text, what_is_not_there_or_of_another_kind_is_nothing) {
  const auto v = boost::json::parse(R"({"a":{"n":7,"part":2.9,"below":-1,"text":"7","yes":true}})");
  EXPECT_EQ(number_at(v, "/a/n"), 7u);
  EXPECT_EQ(number_at(v, "/a/part"), 2u);
  for (const char* at : {"/a/below", "/a/text", "/a/none", "/none/at/all"}) EXPECT_EQ(number_at(v, at), 0u) << at;
  EXPECT_TRUE(flag_at(v, "/a/yes"));
  for (const char* at : {"/a/n", "/a/text", "/a/none"}) EXPECT_FALSE(flag_at(v, at)) << at;
}

TEST(json_text, what_others_wrote_does_not_command_the_terminal) {
  const auto v = boost::json::parse(
      R"({"sum\u001bmary":{"a":"x\u001b[2Jy\nz","b":"\u009b31m\u007f"},"sites":[{"n\r":"\u0007"}],"ok":"Zürich ✓"})");
  EXPECT_EQ(text_at(v, "/sum\x1bmary/a"), "x?[2Jy?z");
  EXPECT_EQ(text_at(v, "/sum\x1bmary/b"), "?31m?");
  EXPECT_EQ(text_at(v, "/ok"), "Zürich ✓");
  const std::string shown = to_text(v);
  for (const char c : {'\x1b', '\r', '\x07', '\x7f'}) EXPECT_EQ(shown.find(c), std::string::npos) << shown;
  EXPECT_EQ(shown.find("\xc2\x9b"), std::string::npos);
}

TEST(json_text, rows_that_hold_more_than_plain_values_are_told_one_by_one) {
  const auto v = boost::json::parse(
      R"({"sources":[{"name":"a","last":{"mode":"tags","found":2},"names":["x","y"]},{"name":"b","last":null}]})");
  EXPECT_EQ(to_text(v),
            "sources:\n"
            "  name   a\n"
            "  names  x, y\n"
            "  last:\n"
            "    mode   tags\n"
            "    found  2\n"
            "\n"
            "  name  b\n"
            "  last  -\n");
}

TEST(json_text, no_line_of_a_nested_table_is_wider_than_a_screen_and_listings_stay_tables) {
  const std::string wide(200, 'w');
  const boost::json::array rows{boost::json::object{{"name", "a"}, {"why", "x"}, {"more", wide}, {"last", "y"}},
                                boost::json::object{{"name", "b"}, {"why", "x"}, {"more", "z"}, {"last", "y"}}};
  EXPECT_NE(to_text(boost::json::object{{"rows", rows}}).find("  name  b\n  why   x\n"), std::string::npos);
  EXPECT_TRUE(to_text(rows).starts_with("NAME  WHY  MORE"));
}

TEST(json_text, columns_without_a_value_are_left_out_of_nested_tables_alone) {
  const boost::json::array rows{boost::json::object{{"name", "a"}, {"why", nullptr}, {"n", 1}},
                                boost::json::object{{"name", "b"}, {"why", nullptr}, {"n", nullptr}}};
  EXPECT_EQ(to_text(boost::json::object{{"rows", rows}}), "rows:\n  NAME  N\n  a     1\n  b     -\n");
  EXPECT_TRUE(to_text(rows).starts_with("NAME  WHY  N"));
}

TEST(json_text, a_scalar_is_itself) {
  EXPECT_EQ(to_text(boost::json::parse("\"x\"")), "x\n");
  EXPECT_EQ(to_text(boost::json::parse("null")), "-\n");
  EXPECT_EQ(to_text(boost::json::parse("0.36349")), "0.363\n");
}

TEST(json_text, a_record_line_names_what_happened_to_what_and_who_did_it) {
  const auto v = boost::json::parse(
      R"({"seq":7,"recorded":"2026-11-23T21:19:06.120330Z","kind":"push","repository":"team/app","tag":"v1",)"
      R"("digest":"sha256:0123456789abcdef","actor":"ci","origin":"registry"})");
  EXPECT_EQ(record_line(v.as_object()),
            "7  2026-11-23T21:19:06.120330Z  push  team/app:v1@sha256:0123456789ab  by ci  from registry");
}

TEST(json_text, a_record_of_a_tag_that_was_found_gone_says_so) {
  const auto gone = boost::json::parse(
      R"({"seq":7,"recorded":"T","kind":"observed","repository":"a","tag":"v1","digest":"","origin":"registry"})");
  EXPECT_EQ(record_line(gone.as_object()), "7  T  observed  a:v1  gone  from registry");
  EXPECT_NE(record_text(gone.as_object()).find("gone at the source"), std::string::npos);
  auto there = gone.as_object();
  there["digest"] = "sha256:0123456789abcdef";
  EXPECT_EQ(record_line(there).find("gone"), std::string::npos);
  EXPECT_EQ(record_text(there).find("gone"), std::string::npos);
}

}  // namespace
}  // namespace longshore::tools
