#include "api/reconcile_admin.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/gap_json.h"

namespace longshore::api {
namespace {

namespace json = boost::json;

TEST(reconcile_question, everything_may_be_left_out) {
  for (const char* body : {"", "{}"}) {
    const auto q = parse_reconcile_question(body);
    ASSERT_TRUE(q) << body;
    EXPECT_EQ(q->source, "");
    EXPECT_TRUE(q->repositories.empty());
    EXPECT_EQ(q->mode, engine::reconcile_mode::tags);
  }
  const auto q = parse_reconcile_question(R"({"source":"main","repositories":["a","b/c"],"mode":"digests"})");
  ASSERT_TRUE(q);
  EXPECT_EQ(q->source, "main");
  EXPECT_EQ(q->repositories, (std::vector<std::string>{"a", "b/c"}));
  EXPECT_EQ(q->mode, engine::reconcile_mode::digests);
}

TEST(reconcile_question, patterns_are_told_from_names) {
  const auto q = parse_reconcile_question(R"({"repositories":["a","team/*","**","b?"]})");
  ASSERT_TRUE(q);
  EXPECT_EQ(q->repositories, std::vector<std::string>{"a"});
  EXPECT_EQ(q->patterns, (std::vector<std::string>{"team/*", "**", "b?"}));
}

TEST(reconcile_question, anything_else_is_refused) {
  std::string many = R"({"repositories":[)";
  for (int i = 0; i < 1'001; ++i) many += (i == 0 ? "\"a" : ",\"a") + std::to_string(i) + "\"";
  many += "]}";
  for (const std::string& body :
       {std::string("{"), std::string("[]"), std::string("7"), std::string(R"({"mode":"all"})"),
        std::string(R"({"mode":1})"), std::string(R"({"source":[]})"), std::string(R"({"repositories":"a"})"),
        std::string(R"({"repositories":["UPPER"]})"), std::string(R"({"repositories":["../up"]})"),
        std::string(R"({"repositories":[1]})"), std::string(R"({"repo":["a"]})"), std::string("\xff\xfe"), many}) {
    const auto q = parse_reconcile_question(body);
    EXPECT_FALSE(q) << body;
    if (!q) EXPECT_EQ(q.error().code, errc::invalid);
  }
}

TEST(reconcile_question, no_bytes_break_the_parser) {
  seeded_random random(5);
  const std::string seed = R"({"source":"main","repositories":["a","b/c"],"mode":"digests"})";
  for (int i = 0; i < 20'000; ++i) {
    std::string body = seed;
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      const auto at = random.below(body.size());
      if (random.below(3) == 0)
        body.erase(at, random.below(5));
      else
        body[at] = static_cast<char>(random.next());
      if (body.empty()) break;
    }
    const auto q = parse_reconcile_question(body);
    if (q) EXPECT_LE(q->repositories.size() + q->patterns.size(), 1'000u);
  }
}

TEST(source_health, is_what_was_heard_and_what_was_seen) {
  source_stats heard;
  heard.name = "main";
  heard.last_event = {1'000'000};
  heard.last_seq = event_seq{41};
  heard.refused_in_a_row = 3;
  heard.wrong_tokens_in_a_row = 4;
  json::object alone;
  add_health(alone, heard, {}, {3'500'000});
  EXPECT_EQ(alone.at("last_seq"), 41);
  EXPECT_EQ(alone.at("seconds_since_event"), 2.5);
  EXPECT_EQ(alone.at("refused_in_a_row"), 3);
  EXPECT_EQ(alone.at("wrong_tokens_in_a_row"), 4);
  EXPECT_EQ(alone.at("reconciled"), false);
  EXPECT_FALSE(alone.contains("suspected_loss"));

  engine::reconciler_status seen;
  seen.source = "main";
  seen.reconciled.suspected = "restarted";
  seen.reconciled.suspected_since = {2'000'000};
  seen.reconciled.last_complete.emplace();
  seen.reconciled.last_complete->run = "r1";
  seen.reconciled.last_complete->counts.found = 7;
  json::object both;
  add_health(both, heard, {seen}, {3'500'000});
  EXPECT_EQ(both.at("suspected_loss"), true);
  EXPECT_EQ(both.at("suspected_because"), "restarted");
  EXPECT_EQ(both.at("last_complete_reconcile").at("findings"), 7);
  EXPECT_TRUE(both.at("reconciling").is_null());
  EXPECT_TRUE(both.at("incomplete_reconcile").is_null());

  seen.reconciled.last.emplace();
  seen.reconciled.last->reason = "has it lost its data?";
  json::object refused;
  add_health(refused, heard, {seen}, {3'500'000});
  EXPECT_EQ(refused.at("incomplete_reconcile").at("complete"), false);
  EXPECT_EQ(refused.at("incomplete_reconcile").at("reason"), "has it lost its data?");

  seen.reconciled.last_whole = seen.reconciled.last;
  seen.reconciled.last->whole = false;
  seen.reconciled.last->complete = true;
  json::object after_some;
  add_health(after_some, heard, {seen}, {3'500'000});
  EXPECT_EQ(after_some.at("incomplete_reconcile").at("reason"), "has it lost its data?");
  seen.reconciled.last_whole->complete = true;
  json::object well;
  add_health(well, heard, {seen}, {3'500'000});
  EXPECT_TRUE(well.at("incomplete_reconcile").is_null());
}

TEST(source_health, a_look_that_broke_off_is_warned_of_with_what_comes_next) {
  engine::reconciler_status seen;
  seen.source = "main";
  EXPECT_EQ(warning_of(seen), "");
  engine::reconcile_record& r = seen.reconciled.last_whole.emplace();
  r.reason = "has it lost its data?";
  EXPECT_EQ(warning_of(seen), "source main: its last reconcile of all repositories was not complete: " + r.reason);
  r.broken_off = true;
  r.reason = "connection refused";
  const std::string said = "source main: its last reconcile of all repositories broke off: connection refused";
  const std::string to_do = "; longshore doctor says what can be reached";
  EXPECT_EQ(warning_of(seen), said + to_do);
  seen.next_at = {1'800'000'000'000'000};
  EXPECT_EQ(warning_of(seen), said + "; tried again at 2027-01-15T08:00:00Z" + to_do);
  seen.running.emplace();
  EXPECT_EQ(warning_of(seen), said + "; a look at the registry is running" + to_do);
  json::object shown;
  source_stats heard;
  heard.name = "main";
  add_health(shown, heard, {seen}, {3'500'000});
  EXPECT_EQ(shown.at("incomplete_reconcile").at("broken_off"), true);
}

}  // namespace
}  // namespace longshore::api
