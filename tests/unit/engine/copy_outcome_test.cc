#include "engine/copy_outcome.h"

#include <gtest/gtest.h>

namespace longshore::engine {
namespace {

TEST(copy_outcome, a_copy_says_nothing_of_parking_and_names_its_image_once) {
  const copy_item item{"team/app", {"v1", "v1"}};
  EXPECT_EQ(in_words_of_a_copy({errc::unavailable, "publishing v1: h:1 cannot be reached"}, item).text,
            "h:1 cannot be reached");
  const error read_only{errc::unsupported, "405; is it read-only? Let it take them, then longshore unpark team/app"};
  EXPECT_EQ(in_words_of_a_copy(read_only, item).text, "405; is it read-only? Let it take them, then copy again");
}

}  // namespace
}  // namespace longshore::engine
