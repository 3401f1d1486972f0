#include "tools/online_log.h"

#include <gtest/gtest.h>

#include "tools/site_client.h"

namespace longshore::tools {
namespace {

using span = std::pair<std::uint64_t, std::uint64_t>;

span of(std::uint64_t size, std::optional<std::uint64_t> lines, std::optional<std::uint64_t> after) {
  const auto found = tail_span(size, lines, after);
  EXPECT_TRUE(found);
  return found ? span(found->first, found->end) : span();
}

TEST(tail_span, it_is_the_newest_records_or_those_after_a_seq_and_no_more_than_asked_for) {
  EXPECT_EQ(of(100, {}, {}), span(90, 100));
  EXPECT_EQ(of(4, {}, {}), span(0, 4));
  EXPECT_EQ(of(100, 2, {}), span(98, 100));
  EXPECT_EQ(of(100, {}, 10), span(11, 100));
  EXPECT_EQ(of(100, 2, 10), span(11, 13));
  EXPECT_EQ(of(100, 50, 97), span(98, 100));
  EXPECT_EQ(of(100, 0, 10), span(11, 11));
  EXPECT_EQ(of(100, {}, 99), span(100, 100));
  EXPECT_EQ(of(0, {}, {}), span(0, 0));
}

TEST(tail_span, a_seq_that_is_not_there_yet_is_told) {
  EXPECT_EQ(tail_span(100, {}, 100).error().code, errc::not_found);
  EXPECT_EQ(tail_span(100, 2, UINT64_MAX).error().code, errc::not_found);
  EXPECT_EQ(tail_span(0, {}, 0).error().code, errc::not_found);
}

// The site's own answer speaks to whoever writes requests by hand.
TEST(refusal, of_a_token_tells_first_what_to_do_at_the_command_line) {
  const auto why = refusal({401, R"({"errors":[{"message":"send it as 'Authorization: Bearer TOKEN'"}]})"}, "asking");
  EXPECT_EQ(why.code, errc::unauthorized);
  const std::size_t remedy = why.text.find("--config"), header = why.text.find("Authorization");
  ASSERT_NE(remedy, std::string::npos) << why.text;
  EXPECT_LT(remedy, header) << why.text;
}

}  // namespace
}  // namespace longshore::tools
