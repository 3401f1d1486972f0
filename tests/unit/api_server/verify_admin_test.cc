#include "api/verify_admin.h"

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

TEST(verify_request_test, an_empty_body_asks_for_everything_to_be_verified_and_mended) {
  const auto r = parse_verify_request("");
  ASSERT_TRUE(r);
  EXPECT_TRUE(r->repositories.empty());
  EXPECT_FALSE(r->deep);
  EXPECT_TRUE(r->repair);
}

TEST(verify_request_test, each_field_is_taken) {
  const auto r = parse_verify_request(R"({"repositories":["team/*","base"],"deep":true,"repair":false})");
  ASSERT_TRUE(r) << r.error().text;
  EXPECT_EQ(r->repositories, (std::vector<std::string>{"team/*", "base"}));
  EXPECT_TRUE(r->deep);
  EXPECT_FALSE(r->repair);
}

TEST(verify_request_test, what_cannot_be_understood_is_refused_with_the_field) {
  const std::pair<const char*, const char*> cases[] = {{"[]", "JSON object"},
                                                       {"{", "JSON object"},
                                                       {R"({"deep":1})", "deep"},
                                                       {R"({"repair":"no"})", "repair"},
                                                       {R"({"depp":true})", "depp"},
                                                       {R"({"repositories":"a"})", "repositories"},
                                                       {R"({"repositories":[1]})", "repositories"},
                                                       {R"({"repositories":[""]})", "repositories"}};
  for (const auto& [body, says] : cases) {
    const auto r = parse_verify_request(body);
    ASSERT_FALSE(r) << body;
    EXPECT_EQ(r.error().code, errc::invalid) << body;
    EXPECT_NE(r.error().text.find(says), std::string::npos) << r.error().text;
  }
}

TEST(verify_request_test, any_prefix_of_a_body_is_taken_or_refused) {
  const std::string whole = R"({"repositories":["a"],"deep":true,"repair":false})";
  for (std::size_t n = 1; n < whole.size(); ++n) EXPECT_FALSE(parse_verify_request(whole.substr(0, n))) << n;
}

}  // namespace
}  // namespace longshore::api
