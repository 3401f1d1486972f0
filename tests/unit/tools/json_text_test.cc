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

}  // namespace
}  // namespace longshore::tools
