#include "api/url.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

url parsed(const std::string& text) {
  auto u = url::parse(text);
  EXPECT_TRUE(u) << (u ? "" : u.error().text);
  return u ? *u : url{};
}

TEST(url, an_address_is_split_and_put_together_again) {
  const auto u = parsed("https://Registry.Example:8443/v2/a?n=1&last=x%2Fy");
  EXPECT_EQ(u.host, "registry.example");
  EXPECT_EQ(u.port, 8443);
  EXPECT_EQ(u.authority(), "registry.example:8443");
  EXPECT_EQ(u.target(), "/v2/a?n=1&last=x%2Fy");
  EXPECT_EQ(u.shown(), "https://registry.example:8443/v2/a");
}

TEST(url, the_scheme_gives_the_port_and_the_authority_leaves_it_out) {
  EXPECT_EQ(parsed("https://a").port, 443);
  EXPECT_EQ(parsed("http://a").port, 80);
  EXPECT_EQ(parsed("http://a:80").authority(), "a");
  EXPECT_EQ(parsed("http://a").target(), "/");
}

TEST(url, an_ipv6_host_has_brackets_only_in_the_authority) {
  const auto u = parsed("http://[::1]:5000/");
  EXPECT_EQ(u.host, "::1");
  EXPECT_EQ(u.authority(), "[::1]:5000");
}

TEST(url, other_schemes_user_names_and_nonsense_are_refused) {
  for (const char* text : {"", "registry:5000", "ftp://a/", "http://", "http://user:pw@a/", "http://a:0/",
                           "http://a b/", "http://user.exdigest=sha256/", "http://a:50p0/", "http://a:x",
                           "http://a%2fb/", "http://a%40b/", "http://a/\r\nX: y", "//a/b", "/v2/"}) {
    EXPECT_FALSE(url::parse(text)) << text;
  }
}

TEST(url, a_relative_reference_keeps_the_origin_and_its_query_verbatim) {
  const auto base = parsed("http://a:5000/v2/x/blobs/uploads/?mount=1");
  const auto u = base.resolve("/v2/x/blobs/uploads/77?_state=AbC-_%3D%3d~&z");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->origin(), "http://a:5000");
  EXPECT_EQ(u->target(), "/v2/x/blobs/uploads/77?_state=AbC-_%3D%3d~&z");
  EXPECT_EQ(base.resolve("88?q")->target(), "/v2/x/blobs/uploads/88?q");
}

TEST(url, an_absolute_reference_replaces_everything) {
  const auto u = parsed("http://a:5000/v2/").resolve("https://store.example/b/k?X-Sig=%2b%2F");
  ASSERT_TRUE(u);
  EXPECT_EQ(u->origin(), "https://store.example");
  EXPECT_EQ(u->target(), "/b/k?X-Sig=%2b%2F");
}

TEST(url, a_reference_to_another_scheme_is_refused) { EXPECT_FALSE(parsed("http://a/").resolve("file:///etc/passwd")); }

TEST(url, a_query_parameter_is_appended_with_its_colon_escaped) {
  auto u = parsed("http://a/u?_state=x");
  u.add_query("digest", "sha256:ab");
  EXPECT_EQ(u.query, "?_state=x&digest=sha256%3Aab");
  auto bare = parsed("http://a/u");
  bare.add_query("n", "5");
  EXPECT_EQ(bare.query, "?n=5");
}

TEST(url, names_and_addresses_of_this_machine_are_local) {
  for (const char* host : {"localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1",
                           "::", "169.254.169.254", "fe80::1", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_local_host(host)) << host;
  }
  for (const char* host : {"example.org", "10.0.0.1", "192.168.1.1", "172.16.0.1", "2001:db8::1", "localhost.example",
                           "127.example", "::ffff:10.0.0.1", "fd00:ec2::253", "fd00::1"}) {
    EXPECT_FALSE(is_local_host(host)) << host;
  }
}

TEST(url, addresses_of_the_link_are_local_and_no_loopback) {
  for (const char* host : {"169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.1.1", "fd00:ec2::254"}) {
    EXPECT_TRUE(is_local_host(host)) << host;
    EXPECT_FALSE(is_loopback_host(host)) << host;
  }
  for (const char* host : {"a.localhost", "127.9.9.9", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"}) {
    EXPECT_TRUE(is_loopback_host(host)) << host;
  }
}

TEST(url, origins_differ_by_scheme_host_or_port) {
  const auto a = parsed("https://a:443/x");
  EXPECT_TRUE(a.same_origin(parsed("https://A/y?z")));
  EXPECT_FALSE(a.same_origin(parsed("http://a:443/x")));
  EXPECT_FALSE(a.same_origin(parsed("https://a:444/x")));
  EXPECT_FALSE(a.same_origin(parsed("https://b/x")));
}

}  // namespace
}  // namespace longshore::api
