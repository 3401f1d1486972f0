#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>
#include <random>

#include "log/event.h"

namespace longshore::log {
namespace {

boost::json::object parsed(const event& e) {
  const std::string line = to_json(e);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  boost::system::error_code ec;
  auto value = boost::json::parse(line, ec);
  EXPECT_FALSE(ec) << line;
  return ec || !value.is_object() ? boost::json::object() : value.as_object();
}

TEST(event_json, fields_have_their_names_and_times_are_rfc_3339) {
  event e;
  e.seq = {7};
  e.recorded = {1'795'468'746'120'330};
  e.kind = event_kind::erased;
  e.origin = "gitlab";
  e.occurred = {1'795'468'746'000'000};
  e.repository = "team/app";
  e.tag = "latest";
  e.size = std::numeric_limits<std::uint64_t>::max();
  e.request_useragent = "docker/20";
  e.detail = R"({"a": [1, 2], "b": "line\nbreak"})";
  const auto line = parsed(e);
  EXPECT_EQ(line.at("seq").to_number<std::uint64_t>(), 7u);
  EXPECT_EQ(line.at("recorded").as_string(), "2026-11-23T21:19:06.120330Z");
  EXPECT_EQ(line.at("kind").as_string(), "delete");
  EXPECT_EQ(line.at("origin").as_string(), "gitlab");
  EXPECT_EQ(line.at("occurred").as_string(), "2026-11-23T21:19:06.000000Z");
  EXPECT_EQ(line.at("repository").as_string(), "team/app");
  EXPECT_EQ(line.at("tag").as_string(), "latest");
  EXPECT_EQ(line.at("size").to_number<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(line.at("request_useragent").as_string(), "docker/20");
  EXPECT_EQ(line.at("detail").at("a").as_array().size(), 2u);
  EXPECT_FALSE(line.contains("digest")) << "what is empty is left out";
}

TEST(event_json, detail_that_is_not_json_is_kept_as_text_or_base64) {
  event e;
  e.detail = "{\"broken\": ";
  EXPECT_EQ(parsed(e).at("detail_text").as_string(), "{\"broken\": ");
  e.detail = "\xff\xfe\xfd";
  EXPECT_EQ(parsed(e).at("detail_base64").as_string(), "//79");
  e.detail = "\"just text\"";
  EXPECT_EQ(parsed(e).at("detail").as_string(), "just text");
  e.detail.assign(60'000, '[');
  EXPECT_TRUE(parsed(e).contains("detail_text")) << "too deep to be taken apart";
}

TEST(event_json, invalid_utf_8_becomes_replacement_characters) {
  event e;
  e.repository =
      "a\xff"
      "b\xc3\xa9"
      "\xed\xa0\x80"
      "\xf4\x90\x80\x80"
      "\xe2\x82";
  EXPECT_EQ(parsed(e).at("repository").as_string(),
            "a\xef\xbf\xbd"
            "b\xc3\xa9"
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
            "\xef\xbf\xbd\xef\xbf\xbd");
  e.repository = std::string("nul \0 and \x01 \x7f \xf0\x9f\x9a\xa2", 18);
  EXPECT_EQ(std::string_view(parsed(e).at("repository").as_string()), e.repository);
}

TEST(event_json, any_bytes_anywhere_give_valid_json) {
  std::mt19937 random(3);
  for (int i = 0; i < 3'000; ++i) {
    event e;
    for (auto* text : {&e.origin, &e.id, &e.repository, &e.tag, &e.actor, &e.action, &e.detail}) {
      text->resize(random() % 24);
      for (char& c : *text) c = static_cast<char>(random());
    }
    e.occurred = {static_cast<std::int64_t>(random()) << 32};
    e.kind = static_cast<event_kind>(random());
    parsed(e);
  }
}

}  // namespace
}  // namespace longshore::log
