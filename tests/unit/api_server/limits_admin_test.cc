#include "api/limits_admin.h"

#include <boost/json.hpp>

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

class limits_admin_test : public site_test {
 protected:
  void open_with_limits() {
    for (const char* section : {"source_registry", "target_registry"}) {
      host_limits_settings s;
      s.host = std::string(section) + ".test";
      s.bytes_per_second = 5'000;
      registries_.push_back({{section}, host_limits::create(io_.get_executor(), now_, std::move(s))});
    }
    limits_admin_.emplace(registries_, admins_);
    limits_admin_->mount(routes_);
    open();
  }
  raw_answer put(const std::string& body) {
    return connect().ask(post("/v1/limits", "Bearer admin-token", body, "application/json", "PUT"));
  }
  json::value shown() { return json::parse(connect().ask(get("/v1/limits", "admin-token")).body).at("registries"); }

  std::vector<limited_registry> registries_;
  std::optional<limits_admin> limits_admin_;
};

TEST_F(limits_admin_test, limits_are_shown_with_who_set_them) {
  open_with_limits();
  const json::value all = shown();
  ASSERT_EQ(all.as_object().size(), 2u);
  EXPECT_EQ(all.at("source_registry").at("registry"), "source_registry.test");
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second"), 5'000);
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second_by"), "configuration");
  EXPECT_TRUE(all.at("source_registry").at("left_alone_until").is_null());
  EXPECT_EQ(all.at("source_registry").at("connections").at("allowed"), 16);
}

TEST_F(limits_admin_test, limits_change_while_running_and_go_back) {
  open_with_limits();
  EXPECT_EQ(put(R"({"source_registry":{"bytes_per_second":0},"target_registry":{"requests_per_second":0.5}})").status,
            200);
  json::value all = shown();
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second"), 0);
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second_by"), "operator");
  EXPECT_EQ(all.at("target_registry").at("bytes_per_second"), 5'000);
  EXPECT_EQ(all.at("target_registry").at("requests_per_second"), 0.5);
  const raw_answer back = put(R"({"source_registry":{"bytes_per_second":null}})");
  EXPECT_NE(back.body.find("until this site restarts"), std::string::npos);
  all = shown();
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second"), 5'000);
  EXPECT_EQ(all.at("source_registry").at("bytes_per_second_by"), "configuration");
}

TEST_F(limits_admin_test, what_is_no_limit_is_refused_told_what_is_and_changes_nothing) {
  open_with_limits();
  const std::pair<const char*, const char*> bad[] = {
      {"", "expected JSON"},
      {"[]", "expected JSON"},
      {R"({"other":{}})", "source_registry or target_registry"},
      {R"({"source_registry":5})", "bytes_per_second or requests_per_second"},
      {R"({"source_registry":{"speed":5}})", "bytes_per_second or requests_per_second"},
      {R"({"source_registry":{"bytes_per_second":"10MB"}})", "a whole number of bytes"},
      {R"({"source_registry":{"bytes_per_second":10.5}})", "a whole number of bytes"},
      {R"({"source_registry":{"bytes_per_second":-1}})", "a whole number of bytes"},
      {R"({"source_registry":{"bytes_per_second":999}})", "from 1000"},
      {R"({"source_registry":{"requests_per_second":-1}})", "from 0.001"},
      {R"({"source_registry":{"requests_per_second":1e300}})", "from 0.001"},
      {R"({"source_registry":{"bytes_per_second":7000},"target_registry":{"requests_per_second":true}})",
       "target_registry"},
  };
  for (const auto& [body, said] : bad) {
    const raw_answer a = put(body);
    EXPECT_EQ(a.status, 400) << body;
    EXPECT_NE(a.body.find(said), std::string::npos) << body << " -> " << a.body;
  }
  EXPECT_EQ(shown().at("source_registry").at("bytes_per_second"), 5'000);
}

TEST_F(limits_admin_test, only_an_administrator_sees_and_changes_them) {
  open_with_limits();
  EXPECT_EQ(connect().ask(get("/v1/limits", "follower-token")).status, 401);
  EXPECT_EQ(connect().ask(post("/v1/limits", "Bearer no", "{}", "application/json", "PUT")).status, 401);
}

TEST(parse_limits_change, one_registry_with_two_names_is_named_once) {
  const std::vector<limited_registry> one{{{"source_registry", "target_registry"}, nullptr}};
  EXPECT_TRUE(parse_limits_change(R"({"target_registry":{"bytes_per_second":1000}})", one));
  EXPECT_FALSE(parse_limits_change(R"({"target_registry":{},"source_registry":{}})", one));
  EXPECT_FALSE(parse_limits_change(R"({"source_registry":{}})", {}));
}

}  // namespace
}  // namespace longshore::api
