#include "api/log_frames.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

log_page_end some_end() {
  log_page_end end{{3}, 5, {}, 9};
  for (std::size_t i = 0; i < end.root.size(); ++i) end.root[i] = static_cast<std::uint8_t>(i + 200);
  return end;
}

std::string some_stream() {
  std::string out;
  append_heartbeat_frame(out);
  append_record_frame(out, "first");
  append_record_frame(out, std::string(log_record_bytes_max, 'x'));
  append_page_end_frame(out, some_end());
  return out;
}

std::vector<log_frame> decoded(const std::string& stream, std::size_t piece) {
  log_frame_decoder d;
  std::vector<log_frame> out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    d.feed(std::string_view(stream).substr(at, piece));
    for (auto f = d.next(); f && *f; f = d.next()) out.push_back(std::move(**f));
  }
  EXPECT_TRUE(d.at_boundary());
  return out;
}

TEST(log_frames, the_bytes_are_those_of_the_format) {
  std::string out;
  append_record_frame(out, "ab");
  append_heartbeat_frame(out);
  EXPECT_EQ(out, std::string("\0\0\0\x02\x01"
                             "ab\0\0\0\0\x03",
                             12));
  std::string end;
  append_page_end_frame(end, some_end());
  EXPECT_EQ(end.substr(0, 5), std::string("\0\0\0\x38\x02", 5));
  EXPECT_EQ(end.size(), 5u + 56u);
}

TEST(log_frames, a_stream_cut_anywhere_decodes_to_the_same_frames) {
  const auto stream = some_stream();
  const auto whole = decoded(stream, stream.size());
  ASSERT_EQ(whole.size(), 4u);
  EXPECT_EQ(whole[0].type, log_frame_type::heartbeat);
  EXPECT_EQ(whole[1].record, "first");
  EXPECT_EQ(whole[2].record.size(), log_record_bytes_max);
  EXPECT_EQ(whole[3].end, some_end());
  for (const std::size_t piece : {1u, 2u, 3u, 5u, 7u, 64u, 4096u}) EXPECT_EQ(decoded(stream, piece), whole) << piece;
}

TEST(log_frames, an_incomplete_stream_is_not_at_a_boundary) {
  const auto stream = some_stream();
  log_frame_decoder d;
  d.feed(std::string_view(stream).substr(0, stream.size() - 1));
  while (true) {
    const auto f = d.next();
    ASSERT_TRUE(f);
    if (!*f) break;
  }
  EXPECT_FALSE(d.at_boundary());
}

void expect_corrupt(const std::string& bytes) {
  log_frame_decoder d;
  d.feed(bytes);
  for (int i = 0; i < 2; ++i) {
    const auto f = d.next();
    ASSERT_FALSE(f);
    EXPECT_EQ(f.error().code, errc::corrupt);
  }
}

TEST(log_frames, unknown_types_and_impossible_lengths_are_corrupt_before_their_payload_arrives) {
  expect_corrupt(std::string("\0\0\0\x01\x04", 5));
  expect_corrupt(std::string("\0\0\0\0\0", 5));
  expect_corrupt(std::string("\0\0\0\0\x01", 5));    // an empty record
  expect_corrupt(std::string("\0\x01\0\0\x01", 5));  // a record of 65,536 bytes
  expect_corrupt(std::string("\xff\xff\xff\xff\x01", 5));
  expect_corrupt(std::string("\0\0\0\x01\x03", 5));  // a heartbeat with content
  expect_corrupt(std::string("\0\0\0\x37\x02", 5));
  expect_corrupt("HTTP/1.1 200 OK");
}

}  // namespace
}  // namespace longshore::api
