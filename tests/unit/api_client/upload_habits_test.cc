#include "api/upload_habits.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

constexpr std::uint64_t mib = 1u << 20;

TEST(upload_habits, a_blob_goes_in_one_put_and_a_large_one_in_chunks) {
  const upload_habits h(64 * mib);
  EXPECT_EQ(h.chunk_for(0, 0), 0u);
  EXPECT_EQ(h.chunk_for(64 * mib, 0), 0u);
  EXPECT_EQ(h.chunk_for(64 * mib + 1, 0), 64 * mib);
  EXPECT_EQ(h.chunk_for(65 * mib, 70 * mib), 70 * mib) << "no smaller than the registry asks for";
}

TEST(upload_habits, a_registry_that_refuses_whole_blobs_is_sent_chunks_from_then_on) {
  for (const int status : {404, 405, 413, 501}) {
    upload_habits h(64 * mib);
    EXPECT_TRUE(h.put_refused(status));
    EXPECT_EQ(h.chunk_for(10, 0), 4 * mib);
    EXPECT_FALSE(h.put_refused(status)) << "it teaches nothing twice";
  }
  for (const int status : {400, 401, 403, 416, 429, 500, 503}) {
    upload_habits h(64 * mib);
    EXPECT_FALSE(h.put_refused(status));
    EXPECT_EQ(h.chunk_for(10, 0), 0u);
  }
}

TEST(upload_habits, a_connection_closed_at_once_twice_in_a_row_is_a_refusal_too) {
  upload_habits h(64 * mib);
  EXPECT_FALSE(h.closed_at_once());
  h.put_taken();
  EXPECT_FALSE(h.closed_at_once());
  EXPECT_TRUE(h.closed_at_once());
  EXPECT_EQ(h.chunk_for(10, 0), 4 * mib);
}

TEST(upload_habits, chunks_that_are_too_large_become_smaller_and_at_last_whole_blobs) {
  upload_habits h(64 * mib);
  for (const auto chunk : {16 * mib, 4 * mib, 1 * mib}) {
    EXPECT_TRUE(h.chunk_refused(413));
    EXPECT_EQ(h.chunk_for(100 * mib, 0), chunk);
  }
  EXPECT_TRUE(h.chunk_refused(413));
  EXPECT_EQ(h.chunk_for(100 * mib, 0), 0u);
  EXPECT_FALSE(h.chunk_refused(413));
}

TEST(upload_habits, one_416_is_a_matter_of_the_session_and_two_in_a_row_of_the_chunks) {
  upload_habits h(64 * mib);
  EXPECT_TRUE(h.chunk_refused(416));
  EXPECT_EQ(h.chunk_for(100 * mib, 0), 64 * mib);
  h.chunk_taken();
  EXPECT_TRUE(h.chunk_refused(416));
  EXPECT_EQ(h.chunk_for(100 * mib, 0), 64 * mib);
  EXPECT_TRUE(h.chunk_refused(416));
  EXPECT_EQ(h.chunk_for(100 * mib, 0), 16 * mib);
}

TEST(upload_habits, whatever_a_registry_refuses_the_lessons_come_to_an_end) {
  for (const int put : {404, 405, 413, 501}) {
    for (const int patch : {404, 405, 413, 416, 501}) {
      upload_habits h(64 * mib);
      int lessons = 0;
      for (int i = 0; i < 100; ++i) {
        const bool learned = h.chunk_for(100 * mib, 0) > 0 ? h.chunk_refused(patch) : h.put_refused(put);
        lessons += learned ? 1 : 0;
      }
      EXPECT_LE(lessons, 60);
      if (patch != 416) EXPECT_LE(lessons, 6);
    }
  }
}

}  // namespace
}  // namespace longshore::api
