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
  EXPECT_EQ(bar_text(now, 15e6, 15e6), "[####            ] 0/1 images  15.0 MB sent, 45.0 MB to go  15.0 MB/s  ETA 3s");
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

engine::copy_outcome outcome(engine::copy_end end) {
  engine::copy_outcome o;
  o.item = {"team/app", {"v1", "v1"}};
  o.end = end;
  return o;
}

TEST(copy_report, a_plan_has_a_line_for_what_is_there_already_left_out_or_deleted) {
  engine::copy_outcome copied = outcome(engine::copy_end::copied);
  copied.moved.copied = {1, 1'000};
  copied.moved.present = {2, 5'000};
  EXPECT_EQ(plan_line(copied), "copy 1 blob (1.0 kB), mount 0 blobs (0 B), there already 2 blobs (5.0 kB)");
  EXPECT_EQ(plan_line(outcome(engine::copy_end::unchanged)), "there already");
  engine::copy_outcome deleted = outcome(engine::copy_end::deleted);
  deleted.note = "by its name";
  EXPECT_EQ(plan_line(deleted), "delete (by its name)");
  engine::copy_outcome skipped = outcome(engine::copy_end::skipped);
  skipped.rule = "tags_include: v2*";
  EXPECT_EQ(plan_line(skipped), "left out: --tags: v2*");
}

TEST(copy_report, a_line_has_full_names_and_the_words_of_the_command) {
  told_outcome skipped{outcome(engine::copy_end::skipped), "docker://a.example/team/app:v1", "oci:dir:v1"};
  skipped.rule = "tags_include: v2*";
  EXPECT_EQ(json_line(skipped, copy_purpose::copy),
            R"({"repository":"team/app","ref":"v1","source":"docker://a.example/team/app:v1","target":"oci:dir:v1",)"
            R"("outcome":"skipped","rule":"--tags: v2*"})");
  EXPECT_EQ(by_option(R"(tags_include: "regex:(" is none)"), R"(--tags: "regex:(" is none)");
  told_outcome deleted{outcome(engine::copy_end::deleted)};
  EXPECT_THAT(json_line(deleted, copy_purpose::copy), HasSubstr(R"("outcome":"deleted")"));
  EXPECT_THAT(json_line(deleted, copy_purpose::plan), HasSubstr(R"("outcome":"delete")"));
  deleted.note = "only if the target deletes tags by name";
  EXPECT_THAT(json_line(deleted, copy_purpose::plan), HasSubstr(R"("outcome":"delete_by_name")"));
}

TEST(copy_report, images_that_are_not_there_after_all_are_told_by_the_exit_code) {
  engine::copy_figures f;
  f.items = 2;
  f.copied = 2;
  EXPECT_EQ(exit_code(f), 0);
  f.not_deleted = 1;
  EXPECT_EQ(exit_code(f), 3);
  f.copied = f.interrupted = 1;
  EXPECT_EQ(exit_code(f), 3);
  f.copied = 0;
  f.failed = 1;
  EXPECT_EQ(exit_code(f), 1) << "nothing was brought";
}

TEST(copy_report, what_is_not_there_may_be_mistyped) {
  engine::copy_outcome failed = outcome(engine::copy_end::failed);
  failed.why = error{errc::not_found, "no such repository"};
  EXPECT_THAT(failure_text(failed), HasSubstr("is the name right?"));
  failed.why = error{errc::denied, "no"};
  EXPECT_EQ(failure_text(failed).find("is the name right?"), std::string::npos);
}

}  // namespace
}  // namespace longshore::tools
