#include "api/http_fields.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

TEST(challenges, a_bearer_challenge_has_its_parameters) {
  const auto all = parse_challenges({R"(Bearer realm="https://auth.example/token",service="reg",)"
                                     R"(scope="repository:a/b:pull,push",error="invalid_token")"});
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].scheme, "bearer");
  EXPECT_EQ(all[0].parameter("realm"), "https://auth.example/token");
  EXPECT_EQ(all[0].parameter("scope"), "repository:a/b:pull,push");
  EXPECT_EQ(all[0].parameter("error"), "invalid_token");
  EXPECT_EQ(all[0].parameter("nothing"), "");
}

TEST(challenges, several_in_one_line_and_in_several_lines_are_all_found) {
  const auto all = parse_challenges({R"(Negotiate, Basic realm="a \"quoted\" one", charset=UTF-8)",
                                     "NTLM TlRMTVNTUAAC==, BEARER Realm=x , service = \"y\""});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].scheme, "basic");
  EXPECT_EQ(all[1].parameter("realm"), "a \"quoted\" one");
  EXPECT_EQ(all[1].parameter("charset"), "UTF-8");
  EXPECT_EQ(all[3].scheme, "bearer");
  EXPECT_EQ(all[3].parameter("realm"), "x");
  EXPECT_EQ(all[3].parameter("service"), "y");
}

TEST(challenges, garbage_gives_no_more_than_it_holds_and_ends) {
  EXPECT_TRUE(parse_challenges({""}).empty());
  EXPECT_TRUE(parse_challenges({"\"\"", ",,,", "==="}).empty());
  EXPECT_EQ(parse_challenges({R"(Bearer realm="never closed)"})[0].parameter("realm"), "");
  EXPECT_LE(parse_challenges({std::string(5000, ',') + "a b c d e f g h i j k l m n o p q r s t u v w"}).size(), 16u);
}

constexpr timestamp at_08_49_37{784'111'777'000'000};  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(retry_after, seconds_are_a_pause) { EXPECT_EQ(retry_after_ms("120", at_08_49_37), 120'000); }

TEST(retry_after, a_date_is_a_pause_until_then) {
  EXPECT_EQ(retry_after_ms("Sun, 06 Nov 1994 08:50:07 GMT", at_08_49_37), 30'000);
}

TEST(retry_after, a_date_in_the_past_is_no_pause) {
  EXPECT_EQ(retry_after_ms("Sun, 06 Nov 1994 08:00:00 GMT", at_08_49_37), 0);
}

TEST(retry_after, a_pause_is_at_most_a_day) {
  EXPECT_EQ(retry_after_ms("99999999", at_08_49_37), 86'400'000);
  EXPECT_EQ(retry_after_ms("99999999999999999999999999", at_08_49_37), 86'400'000);
  EXPECT_EQ(retry_after_ms("Sun, 06 Nov 2094 08:50:07 GMT", at_08_49_37), 86'400'000);
}

TEST(retry_after, anything_else_is_none) {
  for (const char* value : {"", "-5", "soon", "12 s", "Sun, 06 Nov 1994"}) {
    EXPECT_FALSE(retry_after_ms(value, at_08_49_37)) << value;
  }
}

TEST(links, the_next_one_is_found_among_others) {
  EXPECT_EQ(next_link({R"(</v2/_catalog?n=2&last=b>; rel="next")"}), "/v2/_catalog?n=2&last=b");
  EXPECT_EQ(next_link({R"(<a>; rel=prev; title="x, y", <b?c,d>;rel=next)"}), "b?c,d");
  EXPECT_EQ(next_link({"<a>; rel=prev", "<b>; foo; rel=\"NEXT\""}), "b");
  EXPECT_FALSE(next_link({"<a>; rel=last", "garbage", "<unclosed", ""}));
}

TEST(content_ranges, a_range_is_read_with_and_without_its_total) {
  EXPECT_EQ(parse_content_range("bytes 5-9/10"), (content_range{5, 9, 10}));
  EXPECT_EQ(parse_content_range("bytes 0-0/*"), (content_range{0, 0, std::nullopt}));
}

TEST(content_ranges, contradictions_are_none) {
  for (const char* value : {"", "bytes 9-5/10", "bytes 0-10/10", "bytes */10", "5-9/10", "bytes 5-9", "bytes a-b/c",
                            "bytes 1-2/3x", "bytes 99999999999999999999-1/2"}) {
    EXPECT_FALSE(parse_content_range(value)) << value;
  }
}

TEST(upload_range, only_a_range_from_zero_is_one) {
  EXPECT_EQ(parse_upload_range("0-0"), 0u);
  EXPECT_EQ(parse_upload_range("0-99"), 99u);
  EXPECT_EQ(parse_upload_range("bytes=0-99"), 99u);
  EXPECT_EQ(parse_upload_range("bytes 0-99"), 99u);
  EXPECT_EQ(parse_upload_range("0-18446744073709551614"), 18446744073709551614u);
  for (const char* bad : {"", "0", "0-", "-9", "1-9", "0-9/10", "0-9 ", " 0-9", "0--9", "bytes0-9", "0-x",
                          "0-18446744073709551615", "0-99999999999999999999", "+0-9"}) {
    EXPECT_FALSE(parse_upload_range(bad)) << bad;
  }
}

TEST(count, is_digits_and_nothing_else) {
  EXPECT_EQ(parse_count("5242880"), 5'242'880u);
  for (const char* bad : {"", "-1", "1.5", "5 MB", " 5", "99999999999999999999"}) EXPECT_FALSE(parse_count(bad)) << bad;
}

}  // namespace
}  // namespace longshore::api
