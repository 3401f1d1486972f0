#include "api/listing_parser.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

// What is taken of a text that comes in two pieces.
result<std::vector<std::string>> taken(const std::string& text, std::size_t split) {
  std::vector<std::string> out;
  listing_parser parser("tags", [&](const listing_entry& e) -> result<void> {
    if (e.name == "enough") return fail(errc::too_large, "enough");
    out.push_back(e.is_object ? e.digest + "|" + e.media_type + "|" + std::to_string(e.size) : e.name);
    return {};
  });
  for (const auto& piece : {text.substr(0, split), text.substr(split)}) {
    if (auto r = parser.write(piece); !r) return pass(std::move(r));
  }
  if (auto r = parser.finish(); !r) return pass(std::move(r));
  return out;
}

TEST(listing_parser, entries_are_the_same_wherever_the_text_is_cut) {
  const std::string text =
      R"( {"name":"tags","x":[["tags"],{"tags":["no"]}],"tags":["a","b\u0063","",)"
      R"({"size":7,"digest":"d","annotations":{"digest":"no","size":"x"},"mediaType":"m"}],"y":{"digest":"no"}} )";
  const std::vector<std::string> all{"a", "bc", "", "d|m|7"};
  for (std::size_t split = 0; split <= text.size(); ++split) {
    const auto got = taken(text, split);
    ASSERT_TRUE(got) << split << " " << got.error().text;
    EXPECT_EQ(*got, all) << split;
  }
}

TEST(listing_parser, null_is_an_empty_list) { EXPECT_TRUE(taken(R"({"tags":null})", 3)->empty()); }

TEST(listing_parser, what_is_no_listing_is_corrupt_wherever_it_is_cut) {
  for (const std::string text :
       {"", " ", "<html>", "[]", "\"tags\"", "7", "{}", R"({"tags":"x"})", R"({"tags":{"a":"b"}})", R"({"tags":[1]})",
        R"({"tags":[null]})", R"({"tags":[["a"]]})", R"({"tags":["a")", R"({"tags":["a"]}x)", R"({"tags":["a"]}{})",
        R"({"tags":[{"size":-1}]})", R"({"tags":[{"size":1.5}]})", R"({"tag":["a"]})"}) {
    for (std::size_t split = 0; split <= text.size(); ++split) {
      const auto got = taken(text, split);
      ASSERT_FALSE(got) << text << " at " << split;
      EXPECT_EQ(got.error().code, errc::corrupt);
    }
  }
}

TEST(listing_parser, a_text_that_is_too_long_is_given_as_one_byte_more_than_may_be) {
  const auto got = taken("{\"tags\":[\"" + std::string(100'000, 'x') + "\",\"y\"]}", 5'000);
  ASSERT_EQ(got->size(), 2u);
  EXPECT_EQ(got->front().size(), listing_parser::text_bytes_max + 1);
  EXPECT_EQ(got->back(), "y");
}

TEST(listing_parser, who_takes_no_more_ends_it_with_his_failure) {
  EXPECT_EQ(taken(R"({"tags":["a","enough","b"]})", 0).error().code, errc::too_large);
}

}  // namespace
}  // namespace longshore::api
