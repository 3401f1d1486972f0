#include "api/sites.h"

#include <algorithm>
#include <boost/json.hpp>

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

class sites_test : public site_test {
 protected:
  raw_answer report(const std::string& site, const std::string& body, std::string_view token = "south-token") {
    return connect().ask(post("/v1/sites/" + site + "/cursor", token, body, "application/json", "PUT"));
  }
  void fill(int events) {
    for (int i = 0; i < events; ++i) append({push_of("r", i)});
  }
};

TEST_F(sites_test, a_reported_position_is_shown_with_its_lag_and_kept_in_the_log) {
  open();
  fill(5);
  EXPECT_EQ(report("south", R"({"size":3,"summary":{"state":"fine"}})").status, 200);
  EXPECT_EQ(*cursors_->get("site/south"), 3u);
  const auto shown = boost::json::parse(connect().ask(get("/v1/sites", "admin-token")).body);
  EXPECT_EQ(shown.at("self").at("size"), 5);
  EXPECT_EQ(shown.at("sites").at(0).at("name"), "south");
  EXPECT_EQ(shown.at("sites").at(0).at("lag_events"), 2);
  EXPECT_EQ(shown.at("sites").at(0).at("summary").at("state"), "fine");
  const auto again = sites::open({*cursors_, *log_, *pool_, now_, followers_, admins_});
  EXPECT_EQ((*again)->all().at(0).size, 3u) << "a restart remembers";
}

TEST_F(sites_test, a_position_goes_neither_back_nor_past_the_end_while_a_site_runs) {
  open();
  fill(5);
  EXPECT_EQ(report("south", R"({"size":4})").status, 200);
  EXPECT_EQ(report("south", R"({"size":3,"previous":2})").status, 409) << "an older report that came late";
  EXPECT_EQ(report("south", R"({"size":6})").status, 409);
  EXPECT_EQ(*cursors_->get("site/south"), 4u);
}

// "Let this site follow its primary anew" is what the errors tell an operator to do.
TEST_F(sites_test, a_site_that_began_anew_is_not_shown_as_having_what_it_has_lost) {
  open();
  fill(5);
  EXPECT_EQ(report("south", R"({"size":5,"previous":4})").status, 200);
  EXPECT_EQ(report("south", R"({"size":1})").status, 200);
  EXPECT_EQ(*cursors_->get("site/south"), 1u);
  const auto shown = boost::json::parse(connect().ask(get("/v1/sites", "admin-token")).body);
  EXPECT_EQ(shown.at("sites").at(0).at("lag_events"), 4);
  EXPECT_FALSE(shown.at("sites").at(0).at("began_anew").is_null());
  EXPECT_EQ(report("south", R"({"size":2,"previous":1})").status, 200);
}

TEST_F(sites_test, a_site_with_another_history_than_this_log_is_shown_until_it_follows_or_is_forgotten) {
  open();
  fill(5);
  const auto shown = [&] {
    return boost::json::parse(connect().ask(get("/v1/status", "admin-token")).body).as_object();
  };
  const auto expect_apart = [&](const std::string& why) {
    const auto s = shown();
    EXPECT_NE(std::string(s.at("sites").at(0).at("refused").as_string()).find(why), std::string::npos) << s;
    EXPECT_TRUE(s.at("sites").at(0).at("lag_events").is_null()) << s;
    EXPECT_FALSE(s.at("sites").at(0).at("reported").is_null()) << s;
    EXPECT_EQ(s.at("verdict").at("state"), "attention");
    const std::string metrics = connect().ask(get("/metrics", "")).body;
    EXPECT_EQ(metrics.find("longshore_site_lag_events{"), std::string::npos);
    EXPECT_NE(metrics.find("longshore_site_refused{site=\"south\"} 1\n"), std::string::npos)
        << "without the lag, Prometheus has nothing to warn by";
  };
  const auto expect_together = [&] {
    EXPECT_TRUE(shown().at("sites").at(0).at("refused").is_null());
    EXPECT_EQ(shown().at("verdict").at("state"), "well");
    EXPECT_NE(connect().ask(get("/metrics", "")).body.find("longshore_site_refused{site=\"south\"} 0\n"),
              std::string::npos);
  };
  EXPECT_EQ(report("south", R"({"size":3})").status, 200);
  expect_together();
  EXPECT_EQ(report("south", R"({"size":7,"previous":3})").status, 409);
  expect_apart("it has taken 7 records, and this log has 5");
  EXPECT_EQ(report("south", R"({"size":5,"summary":{"queued":1,"refused":"another history"}})").status, 200);
  expect_apart("it says \"another history\"");
  EXPECT_EQ(shown().at("sites").at(0).at("summary"), boost::json::parse(R"({"queued":1})")) << "it is told once";
  EXPECT_EQ(report("south", R"({"size":5,"summary":{"refused":"refused: of an older version"}})").status, 200);
  expect_apart("it says \"of an older version\"");
  EXPECT_EQ(report("south", R"({"size":5,"summary":{"refused":")" + std::string(800, 'x') + "\"}}").status, 200);
  expect_apart("\"" + std::string(497, 'x') + "...\"");
  EXPECT_EQ(report("south", R"({"size":5,"previous":5,"summary":{}})").status, 200);
  expect_together();
  EXPECT_EQ(report("south", R"({"size":9})").status, 409);
  expect_apart("9 records");
  EXPECT_EQ(connect().ask(post("/v1/sites/south", "Bearer admin-token", "", "application/json", "DELETE")).status, 200);
  EXPECT_TRUE(shown().at("sites").as_array().empty());
  EXPECT_EQ(report("south", R"({"size":9})").status, 409) << "of one that this log never heard of, too";
  expect_apart("9 records");
}

TEST_F(sites_test, a_follower_that_comes_with_a_wrong_token_is_told_of_until_it_has_the_right_one) {
  open();
  const auto verdict = [&] {
    return boost::json::parse(connect().ask(get("/v1/status", "admin-token")).body).at("verdict").as_object();
  };
  EXPECT_EQ(report("nobody", R"({"size":0})", "wrong").status, 401);
  EXPECT_EQ(verdict().at("state"), "well") << "a name that nobody has counts for nothing";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(report("south", R"({"size":0})", "wrong").status, 401);
  EXPECT_EQ(verdict().at("state"), "attention");
  EXPECT_TRUE(std::string(verdict().at("to_do").at(0).as_string())
                  .starts_with("south: 2 reports with a wrong token in a row: "));
  EXPECT_EQ(report("south", R"({"size":0})").status, 200);
  EXPECT_EQ(verdict().at("state"), "well");
  EXPECT_EQ(report("south", R"({"size":0})", "wrong").status, 401);
  now_.advance_us(turned_away_us_max);
  const auto later = verdict().at("to_do").as_array();
  EXPECT_TRUE(std::ranges::none_of(later, [](const boost::json::value& one) {
    return one.as_string().find("wrong token") != boost::json::string::npos;
  })) << "anybody may have sent it";
}

TEST_F(sites_test, wrong_tokens_are_counted_by_configured_follower_for_scripts_and_alerts) {
  open();
  const auto of_south = [&](const std::string& where) {
    const auto all = boost::json::parse(connect().ask(get(where, "admin-token")).body).at("followers").as_array();
    const auto* south = std::ranges::find_if(all, [](const auto& f) { return f.at("name") == "south"; });
    EXPECT_NE(south, all.end()) << all;
    return south == all.end() ? boost::json::object() : south->as_object();
  };
  const auto gauge = [&](const std::string& value) {
    const std::string line = "longshore_site_wrong_tokens_in_a_row{site=\"south\"} " + value + "\n";
    return connect().ask(get("/metrics", "")).body.find(line) != std::string::npos;
  };
  for (const char* where : {"/v1/status", "/v1/sites"}) {
    EXPECT_EQ(of_south(where).at("wrong_tokens_in_a_row"), 0);
    EXPECT_TRUE(of_south(where).at("wrong_token_at").is_null());
  }
  EXPECT_TRUE(gauge("0"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(report("south", R"({"size":0})", "wrong").status, 401);
  for (const char* where : {"/v1/status", "/v1/sites"}) {
    EXPECT_EQ(of_south(where).at("wrong_tokens_in_a_row"), 3);
    EXPECT_EQ(of_south(where).at("wrong_token_at").as_string(), to_rfc3339(now_.now()));
  }
  EXPECT_TRUE(gauge("3"));
  EXPECT_EQ(report("south", R"({"size":0})").status, 200);
  EXPECT_EQ(of_south("/v1/sites").at("wrong_tokens_in_a_row"), 0);
  EXPECT_TRUE(gauge("0"));
}

TEST_F(sites_test, who_reports_with_a_wrong_token_is_logged_with_the_address_and_seldom) {
  open();
  const auto warned = [&] { return on_server([&] { return warned_of_sites_; }); };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(report("south", R"({"size":0})", "wrong").status, 401);
  ASSERT_EQ(warned().size(), 1u);
  EXPECT_NE(warned().back().find("the site south came from 127.0.0.1 with a wrong token"), std::string::npos)
      << warned().back();
  EXPECT_EQ(report("nobody", R"({"size":0})", "wrong").status, 401);
  now_.advance_us(60'000'000);
  EXPECT_EQ(report("nobody", R"({"size":0})", "wrong").status, 401);
  EXPECT_EQ(warned().size(), 1u) << "a stranger's name is nobody's trouble";
  EXPECT_EQ(report("south", R"({"size":0})", "wrong").status, 401);
  EXPECT_EQ(warned().size(), 2u);
}

TEST_F(sites_test, a_follower_with_the_token_of_another_is_told_of_by_both_names) {
  followers_.add("oslo", "oslo-token");
  open();
  const auto to_do = [&] {
    const auto all = boost::json::parse(connect().ask(get("/v1/status", "admin-token")).body);
    return boost::json::serialize(all.at("verdict").at("to_do"));
  };
  EXPECT_EQ(report("south", R"({"size":0})", "oslo-token").status, 403);
  EXPECT_EQ(report("south", R"({"size":0})", "oslo-token").status, 403);
  EXPECT_NE(to_do().find("south: 2 reports with the token of oslo in a row"), std::string::npos) << to_do();
  EXPECT_EQ(to_do().find("with a wrong token"), std::string::npos) << "which anybody may send";
  const auto shown = boost::json::parse(connect().ask(get("/v1/sites", "admin-token")).body).at("followers").as_array();
  const auto* south = std::ranges::find_if(shown, [](const auto& f) { return f.at("name") == "south"; });
  ASSERT_NE(south, shown.end());
  EXPECT_EQ(south->at("others_token_in_a_row"), 2);
  EXPECT_EQ(south->at("others_token_of"), "oslo");
  EXPECT_NE(on_server([&] { return warned_of_sites_.at(0); }).find("from 127.0.0.1 with the token of oslo"),
            std::string::npos);
  EXPECT_EQ(report("oslo", R"({"size":0})", "oslo-token").status, 200);
  EXPECT_NE(to_do().find("with the token of oslo"), std::string::npos) << "what oslo does right mends nothing";
  EXPECT_EQ(report("south", R"({"size":0})").status, 200);
  EXPECT_EQ(to_do().find("with the token of oslo"), std::string::npos);
}

TEST_F(sites_test, a_site_may_speak_for_itself_only) {
  open();
  EXPECT_EQ(report("west", R"({"size":0})").status, 403);
  EXPECT_EQ(report("west", R"({"size":0})", "admin-token").status, 200);
  EXPECT_EQ(report("south", R"({"size":0})", "north-token").status, 401);
}

TEST_F(sites_test, a_site_that_follows_no_more_is_taken_off_the_list) {
  open();
  fill(2);
  EXPECT_EQ(report("south", R"({"size":2})").status, 200);
  const auto forget = [&](const std::string& site, std::string_view token) {
    return connect().ask(post("/v1/sites/" + site, token, "", "application/json", "DELETE")).status;
  };
  EXPECT_EQ(forget("south", "south-token"), 401);
  EXPECT_EQ(forget("west", "Bearer admin-token"), 404);
  EXPECT_EQ(forget("south", "Bearer admin-token"), 200);
  EXPECT_TRUE(on_server([&] { return sites_->all(); }).empty());
  EXPECT_TRUE((*sites::open({*cursors_, *log_, *pool_, now_, followers_, admins_}))->all().empty());
  EXPECT_EQ(report("south", R"({"size":1})").status, 200) << "it is shown again";
}

// Whichever of a report and of being forgotten came last, in the log and in memory.
TEST_F(sites_test, a_site_forgotten_while_it_reported_may_begin_anew) {
  open();
  fill(5);
  ASSERT_TRUE(cursors_->set("site/south", 5));
  EXPECT_EQ(report("south", R"({"size":1})").status, 200) << "a position in the log, and not in memory";
  EXPECT_EQ(*cursors_->get("site/south"), 1u);
  EXPECT_EQ(report("south", R"({"size":4,"previous":1})").status, 200);
  ASSERT_TRUE(cursors_->forget("site/south"));
  EXPECT_EQ(report("south", R"({"size":2})").status, 200) << "one in memory, and not in the log";
  EXPECT_EQ(*cursors_->get("site/south"), 2u);
  EXPECT_EQ(on_server([&] { return sites_->all().at(0).size; }), 2u);
}

TEST_F(sites_test, other_bodies_are_refused) {
  open();
  for (const char* body : {"", "{}", "[]", R"({"size":-1})", R"({"size":"1"})", R"({"size":0,"summary":7})"}) {
    EXPECT_EQ(report("south", body).status, 400) << body;
  }
  EXPECT_EQ(report("south", R"({"size":0,"summary":{"x":")" + std::string(17'000, 'x') + "\"}}").status, 413);
  EXPECT_EQ(report("a%2Fb", R"({"size":0})", "admin-token").status, 400);
}

}  // namespace
}  // namespace longshore::api
