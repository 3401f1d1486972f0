#include "engine/reconciled.h"

#include "engine/reconcile_records.h"
#include "tests/unit/views/view_fixture.h"

namespace longshore::engine {
namespace {

class reconciled_test : public view_test<reconciled> {
 protected:
  static reconcile_record run_of(const std::string& name, reconcile_mode mode, bool whole = true) {
    reconcile_record r;
    r.run = name;
    r.mode = mode;
    r.why = "asked";
    r.whole = whole;
    r.complete = true;
    return r;
  }
  reconciled_source source(const std::string& name = "main") {
    const auto s = view_->source(name);
    EXPECT_TRUE(s && *s) << name;
    return s && *s ? **s : reconciled_source{};
  }
  timestamp last() const { return {static_cast<std::int64_t>(1'000'000 + next_ - 1)}; }
};

TEST_F(reconciled_test, an_open_run_has_its_position_until_it_ends) {
  auto r = run_of("r1", reconcile_mode::digests);
  fold(record::reconcile_started("main", r));
  ASSERT_TRUE(source().open);
  EXPECT_EQ(source().open->run, "r1");
  EXPECT_EQ(source().open->mode, reconcile_mode::digests);
  EXPECT_EQ(source().open->through, "");
  r.through = "team/app";
  r.counts = {10, 4, 1, 40, 44, 2};
  r.reason = "registry unavailable";
  fold(record::reconcile_position("main", r));
  EXPECT_EQ(source().open->through, "team/app");
  EXPECT_EQ(source().open->counts, r.counts);
  EXPECT_EQ(source().open->reason, "registry unavailable");
  fold(record::reconcile_position("main", run_of("r0", reconcile_mode::tags)));
  EXPECT_EQ(source().open->through, "team/app") << "of another run";
  r.reason.clear();
  fold(record::reconcile_ended("main", r));
  EXPECT_FALSE(source().open);
  ASSERT_TRUE(source().last && source().last_complete);
  EXPECT_EQ(source().last->counts, r.counts);
  EXPECT_EQ(source().last->ended, last());
}

TEST_F(reconciled_test, a_run_that_was_refused_the_catalog_completes_nothing) {
  fold(record::source_noted("main", record::noted::suspected, "restarted"));
  auto r = run_of("r1", reconcile_mode::digests);
  r.started = {last().us + 1};
  r.catalog_refused = "403";
  fold(record::reconcile_ended("main", r));
  ASSERT_TRUE(source().last);
  EXPECT_EQ(source().last->catalog_refused, "403");
  EXPECT_FALSE(source().last_complete);
  EXPECT_EQ(source().suspected, "restarted");
}

TEST_F(reconciled_test, only_a_whole_and_complete_run_counts_as_such) {
  auto part = run_of("r1", reconcile_mode::digests, false);
  fold(record::reconcile_started("main", part));
  fold(record::reconcile_position("main", part));
  EXPECT_FALSE(view_->source("main")->has_value()) << "a run over some leaves no position";
  fold(record::reconcile_ended("main", part));
  EXPECT_TRUE(source().last);
  EXPECT_FALSE(source().last_complete);
  auto failed = run_of("r2", reconcile_mode::digests);
  failed.complete = false;
  fold(record::reconcile_ended("main", failed));
  EXPECT_EQ(source().last->run, "r2");
  EXPECT_FALSE(source().last_complete);
  EXPECT_EQ(source().digests_complete_at.us, 0);
}

TEST_F(reconciled_test, what_a_run_over_all_left_is_told_until_one_over_all_is_complete) {
  EXPECT_EQ(reconciled_source{}.incomplete(), nullptr);
  auto all = run_of("r1", reconcile_mode::tags);
  all.complete = false;
  all.reason = "has it lost its data?";
  fold(record::reconcile_ended("main", all));
  for (const bool complete : {true, false, true}) {
    auto some = run_of("r2", reconcile_mode::digests, false);
    some.complete = complete;
    fold(record::reconcile_ended("main", some));
    EXPECT_EQ(source().last->run, "r2");
    ASSERT_NE(source().incomplete(), nullptr);
    EXPECT_EQ(source().incomplete()->reason, "has it lost its data?");
  }
  fold(record::reconcile_ended("main", run_of("r3", reconcile_mode::tags)));
  EXPECT_EQ(source().incomplete(), nullptr);
  auto some = run_of("r4", reconcile_mode::tags, false);
  some.complete = false;
  fold(record::reconcile_ended("main", some));
  ASSERT_NE(source().incomplete(), nullptr);
  EXPECT_EQ(source().incomplete()->run, "r4");
}

TEST_F(reconciled_test, a_run_over_all_that_broke_off_is_told_until_one_over_all_is_complete) {
  fold(record::reconcile_ended("main", run_of("r0", reconcile_mode::tags)));
  auto all = run_of("r1", reconcile_mode::tags);
  all.complete = false;
  fold(record::reconcile_started("main", all));
  fold(record::reconcile_position("main", all));
  EXPECT_EQ(source().incomplete(), nullptr) << "it goes on";
  all.reason = "connection refused";
  fold(record::reconcile_position("main", all));
  const auto expect_told = [&](const char* when) {
    const auto s = source();
    ASSERT_NE(s.incomplete(), nullptr) << when;
    EXPECT_EQ(s.incomplete()->run, "r1") << when;
    EXPECT_EQ(s.incomplete()->reason, "connection refused") << when;
    EXPECT_TRUE(s.incomplete()->whole && s.incomplete()->broken_off) << when;
    EXPECT_GT(s.incomplete()->ended.us, 0) << when;
  };
  expect_told("when it breaks off");
  auto some = run_of("r2", reconcile_mode::tags, false);
  some.complete = false;
  some.reason = "nosuch: not found";
  fold(record::reconcile_ended("main", some));
  expect_told("after one over some that was not complete either");
  all.reason.clear();
  fold(record::reconcile_position("main", all));
  expect_told("while it is taken up");
  fold(record::reconcile_started("main", run_of("r3", reconcile_mode::digests)));
  expect_told("when another takes its place");
  fold(record::reconcile_ended("main", run_of("r3", reconcile_mode::digests)));
  ASSERT_TRUE(source().last_whole);
  EXPECT_TRUE(source().last_whole->complete);
  EXPECT_FALSE(source().last_whole->broken_off);
  EXPECT_EQ(source().incomplete(), nullptr) << "and of the typo nobody is warned: one over all was complete since";
}

TEST_F(reconciled_test, a_suspicion_stays_until_a_whole_run_with_digests_that_began_after_it) {
  fold(record::source_noted("main", record::noted::suspected, "restarted"));
  EXPECT_EQ(source().suspected, "restarted");
  EXPECT_EQ(source().suspected_since, last());
  auto r = run_of("r1", reconcile_mode::tags);
  r.started = last();
  fold(record::reconcile_ended("main", r));
  EXPECT_EQ(source().suspected, "restarted") << "listings do not see moved tags";
  r.mode = reconcile_mode::digests;
  r.whole = false;
  fold(record::reconcile_ended("main", r));
  EXPECT_EQ(source().suspected, "restarted");
  r.whole = true;
  r.started.us -= 10;
  fold(record::reconcile_ended("main", r));
  EXPECT_EQ(source().suspected, "restarted") << "it began before";
  r.started.us += 10;
  fold(record::reconcile_ended("main", r));
  EXPECT_EQ(source().suspected, "");
  EXPECT_EQ(source().digests_complete_at, last());
  EXPECT_EQ(source().digests_complete_from, source().last_complete->started);
}

TEST_F(reconciled_test, a_process_that_did_not_say_that_it_stopped_is_remembered) {
  fold(record::source_noted("main", record::noted::watched, {}));
  EXPECT_TRUE(source().watched);
  fold(record::source_noted("main", record::noted::released, {}));
  EXPECT_FALSE(source().watched);
}

TEST_F(reconciled_test, a_repository_remembers_when_its_digests_were_checked) {
  fold(record::repository_reconciled("main", "r1", "a/b", reconcile_mode::digests, 3, 4, 1));
  const timestamp checked = last();
  fold(record::repository_reconciled("main", "r2", "a/b", reconcile_mode::tags, 5, 1, 2));
  fold(record::repository_reconciled("other", "r3", "a/b", reconcile_mode::tags, 9, 1, 0));
  const auto row = view_->repository("main", "a/b");
  ASSERT_TRUE(row && *row);
  EXPECT_EQ((*row)->run, "r2");
  EXPECT_EQ((*row)->digests_at, checked);
  EXPECT_EQ((*row)->tags, 5u);
  std::vector<std::string> names;
  ASSERT_TRUE(view_->repositories("main", [&](std::string_view name, const reconciled_repository&) {
    names.emplace_back(name);
    return true;
  }));
  EXPECT_EQ(names, std::vector<std::string>{"a/b"});
}

TEST_F(reconciled_test, no_record_breaks_the_fold) {
  using log::event_kind;
  for (int kind = 0; kind < 100; ++kind) {
    for (const char* detail : {"", "{", "[]", "{\"source\":7}", "{\"source\":\"\"}",
                               "{\"source\":\"main\",\"run\":[],"
                               "\"whole\":1,\"complete\":\"x\",\"done\":-3,\"through\":{}}"}) {
      fold(said(static_cast<event_kind>(kind), "..", "", "", "", detail));
      fold(said(static_cast<event_kind>(kind), "", "", "", "", detail));
    }
  }
  EXPECT_TRUE(view_->source("main"));
}

}  // namespace
}  // namespace longshore::engine
