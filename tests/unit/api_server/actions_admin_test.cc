#include "api/actions_admin.h"

#include <boost/json.hpp>

#include "engine/journal_records.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

class actions_admin_test : public site_test {
 protected:
  void start() {
    act_ = [this](engine::operator_request r) -> engine::task<std::uint64_t> {
      asked_.push_back(r);
      co_return r.repositories.size() * 10;
    };
    open();
    append({push_of("team/app", 1), push_of("team/base", 1), push_of("other", 1)});
  }
  raw_answer ask(const std::string& body, const std::string& token = "Bearer admin-token") {
    return connect().ask(post("/v1/actions", token, body, "application/json"));
  }
  std::vector<engine::operator_request> asked_;
};

TEST_F(actions_admin_test, patterns_are_resolved_to_the_repositories_of_the_log) {
  start();
  const raw_answer a =
      ask(R"({"action":"skip","repositories":["team/*","none/*"],"tags":["v1*","semver:^2"],"reason":"why"})");
  EXPECT_EQ(a.status, 202) << a.body;
  const json::value said = json::parse(a.body);
  EXPECT_EQ(said.at("repositories"), 2);
  EXPECT_EQ(said.at("items"), 20);
  EXPECT_EQ(said.at("unmatched").at(0), "none/*");
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].verb, engine::operator_verb::skip);
  EXPECT_EQ(asked_[0].repositories, (std::vector<std::string>{"team/app", "team/base"}));
  EXPECT_EQ(asked_[0].tags.size(), 2u);
  EXPECT_EQ(asked_[0].reason, "why");
}

TEST_F(actions_admin_test, a_manifest_without_a_tag_is_named_by_its_digest) {
  start();
  const std::string d = digest::of("x").text();
  EXPECT_EQ(ask(R"({"action":"unpark","repositories":["other"],"digests":[")" + d + "\"]}").status, 202);
  ASSERT_EQ(asked_.size(), 1u);
  EXPECT_EQ(asked_[0].digests, std::vector<std::string>{d});
  EXPECT_EQ(ask(R"({"action":"unpark","repositories":["other"],"digests":["sha256:1"]})").status, 400);
  EXPECT_EQ(ask(R"({"action":"retry","repositories":["other"],"digests":[")" + d + "\"]}").status, 400);
}

TEST_F(actions_admin_test, what_matches_nothing_is_not_found_and_asks_nobody) {
  start();
  const raw_answer a = ask(R"({"action":"retry","repositories":["none"]})");
  EXPECT_EQ(a.status, 404);
  EXPECT_NE(a.body.find("matches none"), std::string::npos) << a.body;
  EXPECT_TRUE(asked_.empty());
}

TEST_F(actions_admin_test, what_cannot_be_understood_is_refused_with_the_reason) {
  start();
  for (const char* body : {"", "[]", "{", R"({"action":"dance","repositories":["a"]})", R"({"action":"retry"})",
                           R"({"action":"retry","repositories":"a"})", R"({"action":"retry","repositories":[1]})",
                           R"({"action":"retry","repositories":[]})", R"({"action":"skip","repositories":["other"]})",
                           R"({"action":"retry","repositories":["other"],"tags":["v1"]})",
                           R"({"action":"unpark","repositories":["other"],"tags":["regex:("]})",
                           R"({"action":"retry","repositories":["other"],"tag":["v1"]})"}) {
    EXPECT_EQ(ask(body).status, 400) << body;
  }
  EXPECT_EQ(ask(R"({"action":"retry","repositories":["other"]})", "Bearer wrong").status, 401);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(actions_admin_test, a_site_without_a_target_says_so) {
  open();
  EXPECT_EQ(ask(R"({"action":"retry","repositories":["a"]})").status, 409);
}

TEST_F(actions_admin_test, what_filters_leave_out_is_shown_with_the_rule) {
  left_out_ = [](std::string_view name) -> std::optional<std::string> {
    if (name == "other") return "exclude: o*";
    return std::nullopt;
  };
  start();
  engine::desired_item item;
  ASSERT_TRUE(wanted_->items("team/app", [&](const engine::desired_item& i) {
    item = i;
    return false;
  }));
  std::promise<void> done;
  log::event e = engine::record::item_skipped(item, "tags_exclude: v*", "print");
  e.origin = "here";
  ASSERT_TRUE(journal_sequencer_->submit({std::move(e)}, [&](result<log::append_outcome>) { done.set_value(); }));
  done.get_future().get();
  const auto shown = [&](const std::string& path) { return json::parse(connect().ask(get(path, "admin-token")).body); };
  json::value r = shown("/v1/repositories/team/app");
  EXPECT_EQ(r.at("skipped").at(0).at("reason"), "tags_exclude: v*");
  EXPECT_EQ(r.at("skipped_items"), 1);
  EXPECT_EQ(shown("/v1/repositories/other").at("skipped_by"), "exclude: o*");
  r = shown("/v1/repositories?state=skipped");
  ASSERT_EQ(r.at("repositories").as_array().size(), 1u);
  EXPECT_EQ(r.at("repositories").at(0).at("name"), "other");
  const raw_answer refused = ask(R"({"action":"retry","repositories":["other"]})");
  EXPECT_EQ(refused.status, 409);
  EXPECT_NE(refused.body.find("exclude: o*"), std::string::npos) << refused.body;
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(json::parse(ask(R"({"action":"retry","repositories":["**"]})").body).at("repositories"), 2);
  r = shown("/v1/status");
  EXPECT_EQ(r.at("repositories").at("skipped"), 1);
  EXPECT_EQ(r.at("repositories").at("skipped_items"), 1);
  EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_items_skipped 1"), std::string::npos);
}

}  // namespace
}  // namespace longshore::api
