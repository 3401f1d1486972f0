#include "engine/copy_estimate.h"

#include <gtest/gtest.h>

namespace longshore::engine {
namespace {

using running_items = std::list<copy_run::running_item>;

copy_run::running_item at_work(std::uint64_t bytes, std::uint64_t sent) {
  copy_run::running_item item;
  image_progress image;
  image.blobs = bytes == 0 ? 0 : 2;
  image.bytes = bytes;
  image.bytes_copied = sent;
  item.moved.images.push_back(image);
  return item;
}

TEST(copy_estimate, one_image_moves_by_its_bytes) {
  copy_figures f;
  f.items = 1;
  running_items running{at_work(60, 15)};
  const copy_estimate e = estimate(f, running);
  EXPECT_TRUE(e.is_known);
  EXPECT_DOUBLE_EQ(e.share_done, 0.25);
  EXPECT_EQ(e.bytes_done, 15u);
  EXPECT_EQ(e.bytes_open, 45u);
}

TEST(copy_estimate, an_image_that_is_not_begun_counts_as_the_mean_of_those_known) {
  copy_figures f;
  f.items = 5;
  f.copied = 1;
  f.moved.copied.bytes = 40;
  f.moved.mounted.bytes = 20;
  f.in_copied.bytes = 60;
  running_items running{at_work(100, 50), at_work(0, 0)};
  const copy_estimate e = estimate(f, running);
  EXPECT_EQ(e.bytes_done, 110u);
  EXPECT_EQ(e.bytes_open, 50u + 3u * 80u);
  EXPECT_DOUBLE_EQ(e.share_done, 1 - 290.0 / 400.0);
}

TEST(copy_estimate, nothing_known_counts_images_and_goes_on_from_there) {
  copy_figures f;
  EXPECT_DOUBLE_EQ(estimate(f, {}).share_done, 0);
  f.items = 100;
  f.unchanged = 90;
  EXPECT_FALSE(estimate(f, {}).is_known);
  EXPECT_DOUBLE_EQ(estimate(f, {}).share_done, 0.9);
  EXPECT_DOUBLE_EQ(estimate(f, {at_work(1'000, 0)}).share_done, 0.9);
  EXPECT_GT(estimate(f, {at_work(1'000, 500)}).share_done, 0.9);
}

TEST(copy_estimate, the_end_is_all_of_it) {
  copy_figures f;
  f.items = 3;
  f.copied = 2;
  f.failed = 1;
  f.moved.copied.bytes = 9;
  f.in_copied.bytes = 6;
  const copy_estimate e = estimate(f, {});
  EXPECT_DOUBLE_EQ(e.share_done, 1);
  EXPECT_EQ(e.bytes_open, 0u);
}

TEST(copy_estimate, images_that_failed_halfway_are_no_measure_of_the_others) {
  copy_figures f;
  f.items = 4;
  f.failed = 1;
  f.moved.copied.bytes = 9'000;
  EXPECT_DOUBLE_EQ(estimate(f, {at_work(0, 0)}).share_done, 0.25);
  EXPECT_FALSE(estimate(f, {at_work(0, 0)}).is_known);
  const copy_estimate e = estimate(f, {at_work(100, 0)});
  EXPECT_EQ(e.bytes_open, 100u + 2u * 100u);
}

}  // namespace
}  // namespace longshore::engine
