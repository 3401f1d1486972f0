#include "api/log_tail.h"

#include <boost/json.hpp>

#include "api/log_frames.h"
#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

struct seen_page {
  std::vector<std::string> records;
  std::optional<log_page_end> end;
  int heartbeats = 0;
};

seen_page take_apart(std::string_view body) {
  log_frame_decoder in;
  in.feed(body);
  seen_page page;
  for (;;) {
    auto frame = in.next();
    EXPECT_TRUE(frame);
    if (!frame || !*frame) break;
    if ((*frame)->type == log_frame_type::record) page.records.push_back((*frame)->record);
    if ((*frame)->type == log_frame_type::page_end) page.end = (*frame)->end;
    if ((*frame)->type == log_frame_type::heartbeat) ++page.heartbeats;
  }
  EXPECT_TRUE(in.at_boundary());
  return page;
}

class log_tail_test : public site_test {
 protected:
  raw_answer ask(const std::string& query, std::string_view more = {}) {
    return connect().ask(get("/v1/log/events" + query, "south-token", more));
  }
  void fill(int events) {
    for (int i = 0; i < events; ++i) append({push_of("r", i)});
    await([&] { return hot_->end() == size(); });
  }
};

TEST_F(log_tail_test, a_page_has_the_stored_bytes_and_the_root_that_they_lead_to) {
  open();
  fill(10);
  const raw_answer a = ask("");
  EXPECT_EQ(a.status, 200);
  EXPECT_EQ(a.headers.at("content-type"), log_media_type);
  EXPECT_EQ(a.headers.at("longshore-log-identity"), log_->identity());
  const seen_page page = take_apart(a.body);
  EXPECT_EQ(page.records, log_->read({0}, 1u << 20)->records);
  ASSERT_TRUE(page.end);
  EXPECT_EQ(*page.end, (log_page_end{{0}, 10, *log_->root_at(10), 10}));
}

TEST_F(log_tail_test, a_follower_resumes_where_it_was_page_by_page) {
  open();
  fill(25);
  std::vector<std::string> taken;
  log::frontier tree;
  while (taken.size() < 25) {
    const std::string after = taken.empty() ? "" : "&after=" + std::to_string(taken.size() - 1);
    const seen_page page = take_apart(ask("?max_bytes=1000" + after).body);
    ASSERT_TRUE(page.end);
    ASSERT_FALSE(page.records.empty());
    EXPECT_LT(page.records.size(), 25u);
    for (const std::string& r : page.records) {
      tree.append(log::leaf_hash(r));
      taken.push_back(r);
    }
    EXPECT_EQ(page.end->root, tree.root()) << "every page can be verified by itself";
  }
  EXPECT_EQ(taken, log_->read({0}, 1u << 20)->records);
}

TEST_F(log_tail_test, memory_and_disk_give_the_same_pages) {
  hot_bytes_max_ = 1;  // only the newest commit
  open();
  fill(15);
  const seen_page cold = take_apart(ask("?after=3").body);
  const seen_page hot = take_apart(ask("?after=13").body);
  EXPECT_EQ(cold.records, log_->read({4}, 1u << 20)->records);
  EXPECT_EQ(hot.records, log_->read({14}, 1u << 20)->records);
  EXPECT_EQ(cold.end->root, hot.end->root);
}

TEST_F(log_tail_test, at_the_end_a_page_is_empty_and_still_has_the_root) {
  open();
  const seen_page nothing = take_apart(ask("?wait=0").body);
  EXPECT_EQ(*nothing.end, (log_page_end{{0}, 0, *log_->root_at(0), 0}));
  fill(3);
  const seen_page end = take_apart(ask("?after=2").body);
  EXPECT_TRUE(end.records.empty());
  EXPECT_EQ(*end.end, (log_page_end{{3}, 3, *log_->root_at(3), 3}));
}

TEST_F(log_tail_test, a_long_poll_is_woken_by_an_append_and_by_the_servers_end) {
  open();
  fill(2);
  raw_client c = connect(), other = connect();
  c.send(get("/v1/log/events?after=1&wait=60", "south-token"));
  await([&] { return hot_->waiting() == 1; });
  append({push_of("r", 99)});
  const seen_page page = take_apart(c.receive().body);
  EXPECT_EQ(page.records.size(), 1u);
  other.send(get("/v1/log/events?after=2&wait=60", "south-token"));
  await([&] { return hot_->waiting() == 1; });
  on_server([&] { hot_->close(); });
  EXPECT_TRUE(take_apart(other.receive().body).records.empty());
}

TEST_F(log_tail_test, a_position_past_the_end_is_a_conflict) {
  open();
  fill(3);
  const raw_answer a = ask("?after=3");
  EXPECT_EQ(a.status, 409);
  EXPECT_EQ(boost::json::parse(a.body).at("errors").at(0).at("code"), "CONFLICT");
  for (const char* wrong :
       {"?after=x", "?after=-1", "?after=18446744073709551615", "?wait=x", "?max_bytes=0", "?follow=2"}) {
    EXPECT_EQ(ask(wrong).status, 400) << wrong;
  }
}

TEST_F(log_tail_test, only_followers_and_administrators_may_read) {
  open();
  for (const char* path : {"/v1/log/events", "/v1/log/checkpoint", "/v1/log/records/0"}) {
    EXPECT_EQ(connect().ask(get(path, "north-token")).status, 401) << path;
    EXPECT_EQ(connect().ask(get(path, "")).status, 401) << path;
    EXPECT_NE(connect().ask(get(path, "admin-token")).status, 401) << path;
  }
}

TEST_F(log_tail_test, people_get_lines_of_json_and_browsers_events) {
  open();
  fill(3);
  const raw_answer lines = ask("?after=0", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(lines.headers.at("content-type"), "application/x-ndjson");
  std::string expected, events;
  for (const std::uint64_t seq : {1u, 2u}) {
    const std::string json = log::to_json(logged()[seq]);
    expected += json + "\n";
    events += "id: " + std::to_string(seq) + "\ndata: " + json + "\n\n";
  }
  EXPECT_EQ(lines.body, expected);
  EXPECT_EQ(ask("?after=0", "Accept: text/event-stream\r\n").body, events);
  EXPECT_EQ(ask("", "Accept: text/event-stream\r\nLast-Event-ID: 0\r\n").body, events);
}

TEST_F(log_tail_test, a_stream_goes_on_with_what_is_appended_and_beats_in_between) {
  tail_options_.heartbeat = std::chrono::milliseconds(20);
  open();
  fill(2);
  raw_client c = connect();
  c.send(get("/v1/log/events?follow=1", "south-token"));
  EXPECT_EQ(c.receive_head().headers.at("transfer-encoding"), "chunked");
  std::string stream;
  const auto until = [&](auto reached) {
    for (;;) {
      const seen_page page = take_apart(stream);
      if (reached(page)) return page;
      stream += c.receive_chunk();
    }
  };
  until([](const seen_page& p) { return p.end && p.heartbeats > 1; });
  append({push_of("r", 7), push_of("r", 8)});
  const seen_page page = until([](const seen_page& p) { return p.records.size() == 4 && p.end && p.end->size == 4; });
  EXPECT_EQ(page.end->root, *log_->root_at(4));
  on_server([&] { hot_->close(); });
  std::string last = "more";
  while (!last.empty()) last = c.receive_chunk();
}

TEST_F(log_tail_test, a_checkpoint_and_single_records_are_served) {
  open();
  fill(4);
  const auto checkpoint = boost::json::parse(connect().ask(get("/v1/log/checkpoint", "south-token")).body);
  EXPECT_EQ(checkpoint.at("size"), 4);
  EXPECT_EQ(checkpoint.at("root").as_string(), to_hex(*log_->root_at(4)).c_str());
  EXPECT_EQ(checkpoint.at("identity").as_string(), log_->identity().c_str());
  EXPECT_EQ(connect().ask(get("/v1/log/records/2", "south-token")).body, log::to_json(logged()[2]) + "\n");
  EXPECT_EQ(connect().ask(get("/v1/log/records/2", "south-token", "Accept: application/octet-stream\r\n")).body,
            *log_->record({2}));
  EXPECT_EQ(connect().ask(get("/v1/log/records/4", "south-token")).status, 404);
  EXPECT_EQ(connect().ask(get("/v1/log/records/x", "south-token")).status, 400);
}

TEST_F(log_tail_test, many_who_wait_are_all_woken_by_one_append) {
  open();
  std::vector<std::unique_ptr<raw_client>> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(std::make_unique<raw_client>(server_->port()));
    waiting.back()->send(get("/v1/log/events?wait=60", "south-token"));
  }
  await([&] { return hot_->waiting() == 100; });
  append({push_of("r", 1)});
  const std::string first = waiting.front()->receive().body;
  EXPECT_EQ(take_apart(first).records.size(), 1u);
  for (std::size_t i = 1; i < waiting.size(); ++i) EXPECT_EQ(waiting[i]->receive().body, first);
}

}  // namespace
}  // namespace longshore::api
