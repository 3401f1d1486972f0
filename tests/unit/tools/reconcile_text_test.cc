#include "tools/reconcile_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace longshore::tools {
namespace {

namespace json = boost::json;
using ::testing::HasSubstr;

json::object run(const std::string& id, bool complete) {
  return {{"run", id},
          {"mode", "tags"},
          {"why", "schedule"},
          {"whole", true},
          {"complete", complete},
          {"reason", complete ? json::value(nullptr) : json::value("2 repositories could not be listed")},
          {"catalog_refused", nullptr},
          {"started", "2026-11-28T09:00:00.5Z"},
          {"ended", "2026-11-28T09:01:00.5Z"},
          {"repositories", 1'000},
          {"repositories_done", complete ? 1'000 : 998},
          {"repositories_failed", complete ? 0 : 2},
          {"tags", 10'000},
          {"requests", 1'001},
          {"findings", 3}};
}

std::size_t lines_of(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST(reconcile_text, each_run_has_a_line_however_many_ended) {
  json::array ended;
  for (int n = 0; n < 12; ++n) ended.push_back(run("run-" + std::to_string(n), n != 11));
  const json::object source{{"source", "north"},
                            {"next_at", "2026-11-28T10:00:00Z"},
                            {"running", nullptr},
                            {"last", run("run-11", false)},
                            {"last_complete", run("run-10", true)},
                            {"incomplete", run("run-11", false)},
                            {"ended", ended}};
  const std::string text = reconcile_text({source});
  EXPECT_EQ(lines_of(text), 2u + 1 + 12 + 1) << text;
  EXPECT_THAT(text, HasSubstr("source   north\n"));
  EXPECT_THAT(text, HasSubstr("run-11  last, not complete  tags  schedule  all   no        2026-11-28T09:00:00Z"));
  EXPECT_THAT(text, HasSubstr("998 of 1,000"));
  EXPECT_THAT(text, HasSubstr("\n    2 repositories could not be listed\n"));
  EXPECT_THAT(text, HasSubstr("run-10  last complete"));
  EXPECT_LT(text.find("run-9 "), text.find("run-0 ")) << "newest first";
}

TEST(reconcile_text, a_long_cause_makes_no_wide_table) {
  json::object looked = run("run-1", true);
  looked["why"] = "events may have been lost: another process of the registry speaks";
  const std::string text = reconcile_text({json::object{{"source", "north"}, {"last", looked}}});
  EXPECT_THAT(text, HasSubstr("tags  events may have been lost  all"));
  EXPECT_THAT(text, HasSubstr("\n    another process of the registry speaks\n"));
}

TEST(reconcile_text, what_runs_says_how_far_it_is) {
  json::object running = run("run-1", false);
  running["reason"] = nullptr;
  running["ended"] = nullptr;
  running["remaining_seconds"] = 42.5;
  const std::string text = reconcile_text({json::object{{"source", "north"}, {"running", running}}});
  EXPECT_THAT(text, HasSubstr("run-1  running"));
  EXPECT_THAT(text, HasSubstr("\n    42 s left\n"));
  EXPECT_THAT(reconcile_text({json::object{{"source", "north"}}}), HasSubstr("no run yet"));
  EXPECT_THAT(reconcile_text({}), HasSubstr("no source has a registry"));
}

}  // namespace
}  // namespace longshore::tools
