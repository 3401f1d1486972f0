#include "api/router.h"

#include <gtest/gtest.h>

#include "api/bearer.h"

namespace longshore::api {
namespace {

route to(std::string method, std::string pattern) {
  route r;
  r.method = std::move(method);
  r.pattern = std::move(pattern);
  return r;
}

struct found {
  std::string pattern;  // empty: none
  int status = 200;
  std::string name, allow;
};

found look(const router& in, std::string_view method, std::string_view target) {
  request r;
  r.set_line(method, target);
  answer otherwise;
  const route* const at = in.find(r, otherwise);
  if (at != nullptr) return {at->pattern, 200, std::string(r.parameter("name")), ""};
  const auto allow = otherwise.headers.empty() ? std::string() : otherwise.headers.front().second;
  return {"", otherwise.status, "", allow};
}

class router_test : public ::testing::Test {
 protected:
  router_test() {
    routes_.add(to("GET", "/v1/repositories"));
    routes_.add(to("POST", "/v1/repositories/{name*}/sync"));
    routes_.add(to("GET", "/v1/repositories/{name*}"));
    routes_.add(to("PUT", "/v1/sites/{name}/cursor"));
    routes_.add(to("GET", "/"));
  }
  router routes_;
};

TEST_F(router_test, a_name_with_slashes_is_one_parameter) {
  EXPECT_EQ(look(routes_, "GET", "/v1/repositories/a/b/c?x=1").name, "a/b/c");
  EXPECT_EQ(look(routes_, "POST", "/v1/repositories/a/b/sync").name, "a/b");
  EXPECT_EQ(look(routes_, "GET", "/v1/repositories/a%2Fb").name, "a/b");
}

TEST_F(router_test, literal_paths_and_the_root_are_found) {
  EXPECT_EQ(look(routes_, "GET", "/v1/repositories").pattern, "/v1/repositories");
  EXPECT_EQ(look(routes_, "GET", "/").pattern, "/");
  EXPECT_EQ(look(routes_, "HEAD", "/").pattern, "/");
}

TEST_F(router_test, an_unknown_path_is_404_and_a_known_one_with_another_method_405) {
  EXPECT_EQ(look(routes_, "GET", "/v2/").status, 404);
  EXPECT_EQ(look(routes_, "GET", "/v1/sites//cursor").status, 404);
  EXPECT_EQ(look(routes_, "GET", "/v1/repositories/").status, 404);
  EXPECT_EQ(look(routes_, "DELETE", "/v1/repositories").status, 405);
  EXPECT_EQ(look(routes_, "DELETE", "/v1/repositories").allow, "GET");
  EXPECT_EQ(look(routes_, "GET", "/v1/sites/x/cursor").allow, "PUT");
  EXPECT_EQ(look(routes_, "GET", "*").status, 404);
}

TEST_F(router_test, a_path_of_too_many_segments_is_404_and_never_cut_short) {
  std::string path = "/v1/repositories";
  for (int i = 0; i < 200; ++i) path += "/a";
  EXPECT_EQ(look(routes_, "GET", path).status, 404);
  EXPECT_EQ(look(routes_, "GET", path.substr(0, 100)).pattern, "/v1/repositories/{name*}");
}

TEST_F(router_test, a_broken_escape_is_400) { EXPECT_EQ(look(routes_, "GET", "/v1/repositories/a%2").status, 400); }

TEST(request, query_values_are_unescaped_and_the_first_counts) {
  request r;
  r.set_line("GET", "/x?a=1%2F2&b=&a=3&c");
  EXPECT_EQ(r.asked("a"), "1/2");
  EXPECT_EQ(r.asked("b"), "");
  EXPECT_EQ(r.asked("c"), "");
  EXPECT_EQ(r.asked("d"), std::nullopt);
}

TEST(token_book, takes_both_forms_and_nothing_else) {
  token_book book;
  book.add("a", "secret");
  book.add("b", "other");
  EXPECT_EQ(book.find("secret"), 0u);
  EXPECT_EQ(book.find("Bearer secret"), 0u);
  EXPECT_EQ(book.find("bearer other"), 1u);
  for (const char* wrong : {"", "Bearer", "Bearer ", "Basic secret", "secret2", "secre", "Bearer Bearer secret"}) {
    EXPECT_EQ(book.find(wrong), std::nullopt) << wrong;
  }
}

}  // namespace
}  // namespace longshore::api
