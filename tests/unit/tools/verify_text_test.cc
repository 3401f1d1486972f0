#include "tools/verify_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

namespace json = boost::json;

TEST(verify_text, what_is_not_compared_is_named_once_whoever_looked) {
  const json::value run = json::parse(R"({"run":1,"running":true,"repositories":{"unknown":1},
    "unknown":[{"repository":"a","reason":"status 500"}],
    "not_compared":{"count":5,"listed":[{"repository":"a","reason":"status 500"},
      {"repository":"b","reason":"status 502"},{"repository":"c","reason":"status 503"}]}})");
  EXPECT_EQ(not_compared_text(run),
            "b: not compared when last verified: status 502\nc: not compared when last verified: status 503\n"
            "and 2 more repositories were not compared when last verified\n");
  EXPECT_EQ(not_compared_text(json::parse(R"({"run":0})")), "");
}

TEST(verify_text, tags_that_were_looked_at_are_not_all_said_to_be_equal) {
  const json::value run = json::parse(R"({"tags":12,"blobs":1,"skipped_tags":1,
    "repositories":{"total":6,"clean":6,"mismatched":0,"unknown":0}})");
  EXPECT_EQ(
      outcome_text(run),
      "6 of 6 repositories equal and whole, 0 mismatched, 0 could not be compared; looked at 12 tags and 1 blob\n");
}

}  // namespace
}  // namespace longshore::tools
