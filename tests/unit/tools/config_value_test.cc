#include "tools/config_value.h"

#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

TEST(config_value, sizes_are_read_with_binary_and_decimal_units) {
  EXPECT_EQ(parse_size("4096").value(), 4'096u);
  EXPECT_EQ(parse_size("1MiB").value(), 1'048'576u);
  EXPECT_EQ(parse_size("2 GB").value(), 2'000'000'000u);
  EXPECT_EQ(parse_size("0B").value(), 0u);
}

TEST(config_value, sizes_are_read_as_they_are_printed_and_by_their_first_letter) {
  for (const char* text : {"200kB", "200 kB", "200KB", "200k", "200 K"}) {
    const auto size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, 200'000u) << text;
  }
  EXPECT_EQ(parse_size("3 MB").value(), 3'000'000u);
  EXPECT_EQ(parse_size("3M").value(), 3'000'000u);
  EXPECT_EQ(parse_size("3G").value(), parse_size("3 GB").value());
  EXPECT_EQ(parse_size("3T").value(), parse_size("3 TB").value());
  EXPECT_EQ(parse_size("3 KiB").value(), 3'072u);
  EXPECT_EQ(parse_size("3GiB").value(), 3ULL << 30);
}

TEST(config_value, a_refusal_of_a_size_names_the_units) {
  const std::string said = parse_size("10 megabytes").error().text;
  for (const char* unit : {"kB", "MB", "GB", "KiB", "MiB", "GiB"})
    EXPECT_NE(said.find(unit), std::string::npos) << said;
}

TEST(config_value, a_size_that_is_none_is_refused) {
  for (const char* text : {"", "MiB", "-1", "1 mib", "1.5GiB", "1MiBs", "99999999999999999999", "9000000TiB"}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(config_value, durations_need_a_unit) {
  EXPECT_EQ(parse_duration("500ms").value().count(), 500);
  EXPECT_EQ(parse_duration("30s").value().count(), 30'000);
  EXPECT_EQ(parse_duration("5m").value().count(), 300'000);
  EXPECT_EQ(parse_duration("2h").value().count(), 7'200'000);
  for (const char* text : {"", "30", "s", "-1s", "1.5s", "30 seconds"}) EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(config_value, addresses_are_a_host_and_a_port) {
  const auto v4 = parse_host_port("127.0.0.1:5080");
  ASSERT_TRUE(v4);
  EXPECT_EQ(v4->host, "127.0.0.1");
  EXPECT_EQ(v4->port, 5080);
  const auto v6 = parse_host_port("[::1]:0");
  ASSERT_TRUE(v6);
  EXPECT_EQ(v6->host, "::1");
  EXPECT_EQ(v6->port, 0);
  for (const char* text : {"", "localhost", ":80", "host:", "host:70000", "::1:80", "[::1]", "ho st:1"}) {
    EXPECT_FALSE(parse_host_port(text)) << text;
  }
}

TEST(config_value, urls_are_a_scheme_and_a_host_and_nothing_more) {
  const auto tls = parse_base_url("https://registry.example.org/");
  ASSERT_TRUE(tls);
  EXPECT_TRUE(tls->tls);
  EXPECT_EQ(tls->port, 443);
  const auto plain = parse_base_url("http://[::1]:5000");
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->tls);
  EXPECT_EQ(plain->host, "::1");
  EXPECT_EQ(plain->port, 5000);
  for (const char* text : {"", "registry.example.org", "ftp://x", "https://", "https://u:p@x", "https://x/v2",
                           "https://x:0", "https://x:", "https://x?y"}) {
    EXPECT_FALSE(parse_base_url(text)) << text;
  }
}

TEST(config_value, edit_distance_counts_changed_characters) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(config_value, nothing_is_nearest_to_a_word_unlike_all) {
  const std::vector<std::string> known{"site.name", "site.role"};
  EXPECT_EQ(nearest("site.nam", known), "site.name");
  EXPECT_EQ(nearest("colour", known), std::nullopt);
}

}  // namespace
}  // namespace longshore::tools
