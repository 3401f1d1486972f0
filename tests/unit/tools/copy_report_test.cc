#include "tools/copy_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace longshore::tools {
namespace {

using ::testing::HasSubstr;

TEST(copy_report, the_bar_of_one_image_moves_by_bytes_and_tells_when_it_ends) {
  copy_figures_now now;
  now.run.items = 1;
  now.bytes_sent = 15'000'000;
  now.estimate = {0.25, 15'000'000, 45'000'000, true};
  EXPECT_EQ(bar_text(now, 15e6, 15e6),
            "[#####               ] 0/1 images  15.0 MB sent, 45.0 MB to go  15.0 MB/s  ETA 3s");
}

TEST(copy_report, what_is_mounted_counts_for_the_end_and_not_for_the_rate) {
  copy_figures_now now;
  now.run.items = 4;
  now.run.copied = 2;
  now.estimate = {0.5, 100, 100, true};
  EXPECT_THAT(bar_text(now, 0, 50), HasSubstr("0 B sent, 100 B to go  0 B/s  ETA 2s"));
}

TEST(copy_report, nobody_knows_the_end_before_an_image_is_known) {
  copy_figures_now now;
  now.run.items = 4;
  EXPECT_THAT(bar_text(now, 0, 0), HasSubstr("0/4 images  0 B sent  0 B/s  ETA ?"));
}

}  // namespace
}  // namespace longshore::tools
