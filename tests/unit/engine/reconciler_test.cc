#include "engine/reconciler.h"

#include "engine/reconcile_records.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

// The journal's sequencer behind a disk that is full when the test says so.
class refusing_appender final : public log::appender {
 public:
  explicit refusing_appender(log::appender& to) : to_(&to) {}
  result<void> submit(std::vector<log::event> events, log::on_appended done) override {
    if (!with) return to_->submit(std::move(events), std::move(done));
    ++refused;
    return std::unexpected(*with);
  }
  result<void> submit_copy(event_seq first, std::vector<std::string> records, const hash256& root,
                           log::on_appended done) override {
    return to_->submit_copy(first, std::move(records), root, std::move(done));
  }
  std::optional<error> with;
  int refused = 0;

 private:
  log::appender* to_;
};

class reconciler_test : public engine_world {
 protected:
  void SetUp() override {
    settings_.every_ms = 0;
    settings_.requests_per_second = 0;
    source_.does.tags_per_page = 1'000;
  }
  void TearDown() override { stop(); }

  reconcile_world reconcile() {
    return {"main",    source_,      *sequencer_, *log_,
            *desired_, *reconciled_, *journal_,   pauses_,
            clock_,    random_,      settings_,   [this](const std::string& why) { halts_.push_back(why); }};
  }
  reconciler& start() {
    pauses_.at_once = false;
    reconciler_ = std::make_unique<reconciler>(context_.get_executor(), reconcile());
    EXPECT_TRUE(reconciler_->start());
    return *reconciler_;
  }
  void stop() {
    if (!reconciler_) return;
    run(reconciler_->stop());
    reconciler_.reset();
    pauses_.resume();
  }
  // As a process that was killed: nothing is journaled any more.
  void kill() {
    journal_sequencer_->stop();
    run(reconciler_->stop());
    reconciler_.reset();
    pauses_.resume();
    journal_sequencer_ =
        *log::sequencer::start(*journal_log_, {actual_.get(), locations_.get(), reconciled_.get()}, clock_, {});
    journal_ = std::make_unique<journal>(*journal_sequencer_, "here");
  }
  void idle() { run(reconciler_->idle()); }
  void wait_for_break_off() {
    for (int i = 0; i < 200 && (!state().open || state().open->reason.empty()); ++i) {
      settle();
      pauses_.advance(1'000);
    }
    settle();
  }

  // One whole run by itself.
  result<run_end> reconcile(reconcile_mode mode, const std::vector<std::string>& repositories = {}) {
    static int number = 0;
    const reconcile_world w = reconcile();
    run_request asked{"run" + std::to_string(number++), mode, false, false, repositories, "test"};
    asked.named.insert(repositories.begin(), repositories.end());
    reconcile_run one(w, std::move(asked), {});
    auto outcome = run(one.run());
    last_ = one.record();
    names_from_ = one.progress().names_from;
    return outcome;
  }
  // The same of another source's registry.
  void look_at(memory_registry& other, const std::string& name) {
    const reconcile_world w{"other",   other,   *sequencer_, *log_,   *desired_, *reconciled_,
                            *journal_, pauses_, clock_,      random_, settings_};
    reconcile_run one(w, {name, reconcile_mode::tags, false, false, {}, "test"}, {});
    ASSERT_TRUE(run(one.run()));
  }
  digest content(const std::string& repository, const std::string& layer) {
    return add_oci_image(source_, repository, {layer});
  }
  void tag(const std::string& repository, const std::string& name, const std::string& layer) {
    source_.set_tag(repository, name, content(repository, layer));
  }
  std::vector<log::event> observed() {
    std::vector<log::event> found;
    EXPECT_TRUE(log_->fold({0}, log_->durable_size(), [&](event_seq, std::string_view record) {
      auto e = log::decode(record);
      if (e && e->kind == log::event_kind::observed) found.push_back(*std::move(e));
      return result<bool>(true);
    }));
    return found;
  }
  std::size_t observed_gone() {
    return static_cast<std::size_t>(
        std::ranges::count_if(observed(), [](const log::event& e) { return e.digest.empty(); }));
  }
  std::map<std::string, std::string> logged_tags(const std::string& repository) {
    std::map<std::string, std::string> tags;
    EXPECT_TRUE(desired_->items(repository, [&](const desired_item& item) {
      if (item.is_tag && !item.gone) tags[item.ref] = item.digest;
      return true;
    }));
    return tags;
  }
  void expect_logged(const std::vector<std::string>& repositories) {
    for (const auto& r : repositories) EXPECT_EQ(logged_tags(r), source_.tags(r)) << r;
  }
  reconciled_source state() {
    const auto s = reconciled_->source("main");
    EXPECT_TRUE(s);
    return s && *s ? **s : reconciled_source{};
  }
  std::vector<std::string> runs_ended() {
    std::vector<std::string> runs;
    for (const log::event& e : journaled(log::event_kind::reconcile_ended)) runs.push_back(e.detail);
    return runs;
  }

  std::vector<std::string> notes() {
    std::vector<std::string> all;
    for (const log::event& e : journaled(log::event_kind::source_noted)) all.push_back(e.detail);
    return all;
  }
  std::size_t suspicions_noted() {
    return static_cast<std::size_t>(
        std::ranges::count_if(notes(), [](const auto& n) { return n.find("suspected") != std::string::npos; }));
  }
  refusing_appender& full_disk() {
    disk_ = std::make_unique<refusing_appender>(*journal_sequencer_);
    journal_ = std::make_unique<journal>(*disk_, "here");
    disk_->with = error{errc::no_space, "the disk is full"};
    return *disk_;
  }

  // One that is full for the run that is asked for after the first.
  refusing_appender& disk_full_after_the_first() {
    tag("a", "v1", "1");
    settings_.every_ms = 3'600'000;
    refusing_appender& disk = full_disk();
    disk.with.reset();
    start();
    idle();
    EXPECT_EQ(reconciler_->status()->reconciled.incomplete(), nullptr);
    disk.with = error{errc::no_space, "the disk is full"};
    reconciler_->request(reconcile_mode::tags, {}, "asked");
    idle();
    return disk;
  }

  std::unique_ptr<refusing_appender> disk_;
  reconcile_settings settings_;
  reconcile_record last_;
  std::string names_from_;
  std::vector<std::string> halts_;
  std::unique_ptr<reconciler> reconciler_;
};

TEST_F(reconciler_test, a_registry_that_holds_data_is_brought_into_an_empty_log) {
  source_.does.tags_per_page = 2;
  for (const std::string r : {"a", "b/c", "d", "e"}) {
    for (int i = 0; i < 5; ++i) tag(r, "v" + std::to_string(i), r + std::to_string(i));
  }
  ASSERT_EQ(reconcile(reconcile_mode::tags), run_end::ended);
  expect_logged({"a", "b/c", "d", "e"});
  EXPECT_TRUE(last_.complete);
  EXPECT_EQ(last_.counts.repositories, 4u);
  EXPECT_EQ(last_.counts.done, 4u);
  EXPECT_EQ(last_.counts.tags, 20u);
  EXPECT_EQ(last_.counts.found, 20u);
  EXPECT_EQ(last_.counts.requests, source_.operations());
  EXPECT_EQ(names_from_, "the catalog");
  EXPECT_EQ(observed().front().origin, "main");
}

TEST_F(reconciler_test, when_nothing_changed_a_run_costs_one_request_per_repository_and_the_catalog) {
  for (int r = 0; r < 20; ++r) {
    for (int i = 0; i < 10; ++i) tag("r" + std::to_string(r), "v" + std::to_string(i), std::to_string(i));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  const auto size = log_->durable_size();
  source_.forget_calls();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(source_.operations(), 21u);
  EXPECT_EQ(log_->durable_size(), size);
  tag("r7", "new", "new");
  source_.forget_calls();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(source_.operations(), 22u);
  EXPECT_EQ(last_.counts.found, 1u);
  source_.forget_calls();
  tag("r3", "v3", "moved");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_EQ(source_.operations(), 21u + 201u);
  EXPECT_EQ(last_.counts.found, 1u);
  expect_logged({"r3", "r7"});
}

TEST_F(reconciler_test, new_moved_and_vanished_tags_are_found_and_nothing_else) {
  tag("a", "same", "1");
  tag("a", "moves", "1");
  tag("a", "goes", "2");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  tag("a", "moves", "3");
  source_.erase_tag("a", "goes");
  tag("a", "comes", "4");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(last_.counts.found, 2u);
  EXPECT_EQ(observed_gone(), 1u);
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_EQ(last_.counts.found, 1u);
  expect_logged({"a"});
}

TEST_F(reconciler_test, a_repository_that_vanished_loses_its_tags_each_confirmed) {
  tag("a", "v1", "1");
  tag("b", "v1", "2");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  source_.erase_manifest("a", *source_.tag("a", "v1"));
  source_.forget_calls();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(source_.count("resolve", "v1"), 1u);
  EXPECT_EQ(observed_gone(), 1u);
  expect_logged({"a", "b"});
}

TEST_F(reconciler_test, a_source_that_came_back_empty_takes_nothing_away_and_the_run_says_what_to_do) {
  for (const int repositories : {1, 2, 5}) {
    std::vector<std::string> names;
    for (int r = 0; r < repositories; ++r) names.push_back("n" + std::to_string(repositories) + std::to_string(r));
    for (const auto& r : names) tag(r, "v1", r);
    ASSERT_TRUE(reconcile(reconcile_mode::tags));
    const auto gone_before = observed_gone();
    for (const auto& r : names) source_.erase_manifest(r, *source_.tag(r, "v1"));
    ASSERT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
    EXPECT_FALSE(last_.complete) << repositories;
    EXPECT_NE(last_.reason.find("has it lost its data?"), std::string::npos) << last_.reason;
    EXPECT_NE(last_.reason.find("longshore reconcile REPOSITORY"), std::string::npos);
    EXPECT_EQ(observed_gone(), gone_before);
    ASSERT_EQ(reconcile(reconcile_mode::tags, names), run_end::ended);
    EXPECT_TRUE(last_.complete) << "asked for by name";
    EXPECT_EQ(observed_gone(), gone_before + names.size());
    expect_logged(names);
  }
}

TEST_F(reconciler_test, a_first_push_after_the_loss_does_not_make_an_emptied_source_believed) {
  const std::vector<std::string> names{"a", "b", "c", "d"};
  for (const auto& r : names) {
    for (int i = 0; i < 3; ++i) tag(r, "v" + std::to_string(i), r + std::to_string(i));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  for (const auto& r : names) {
    for (int i = 0; i < 3; ++i) source_.erase_manifest(r, *source_.tag(r, "v" + std::to_string(i)));
    tag(r, "latest", "new");
  }
  ASSERT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
  EXPECT_FALSE(last_.complete);
  EXPECT_EQ(observed_gone(), 0u);
  ASSERT_EQ(reconcile(reconcile_mode::tags, names), run_end::ended);
  EXPECT_TRUE(last_.complete) << "asked for by name";
  expect_logged(names);
}

TEST_F(reconciler_test, a_run_that_is_taken_up_judges_the_source_by_what_it_sees_now) {
  for (int r = 0; r < 40; ++r) tag("r" + std::to_string(100 + r), "v1", std::to_string(r));
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  settings_.every_ms = 3'600'000;
  source_.forget_calls();
  source_.before = [&](const memory_registry::call&) {
    if (source_.count("list_tags") == 25) source_.fail_always(away());
  };
  start();
  wait_for_break_off();
  ASSERT_TRUE(state().open);
  source_.before = nullptr;
  source_.fail_always(std::nullopt);
  for (int r = 0; r < 40; ++r) {
    const std::string name = "r" + std::to_string(100 + r);
    source_.erase_manifest(name, *source_.tag(name, "v1"));
  }
  pauses_.advance(10'000);
  settle();
  idle();
  EXPECT_EQ(observed_gone(), 0u);
  ASSERT_FALSE(reconciler_->status()->ended.empty());
  EXPECT_FALSE(reconciler_->status()->ended.back().complete);
  EXPECT_NE(reconciler_->status()->ended.back().reason.find("has it lost its data?"), std::string::npos);
}

TEST_F(reconciler_test, what_is_asked_for_by_name_is_believed_also_by_a_run_over_all) {
  for (int r = 0; r < 10; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  start();
  reconciler_->request(reconcile_mode::tags, {}, "asked");
  idle();
  std::vector<std::string> names;
  for (int r = 0; r < 7; ++r) names.push_back("r" + std::to_string(r));
  for (const auto& r : names) source_.erase_manifest(r, *source_.tag(r, "v1"));
  reconciler_->request(reconcile_mode::tags, names, "asked");
  reconciler_->request(reconcile_mode::tags, {}, "asked");
  idle();
  EXPECT_TRUE(reconciler_->status()->ended.back().complete) << reconciler_->status()->ended.back().reason;
  EXPECT_TRUE(reconciler_->status()->ended.back().whole);
  EXPECT_EQ(observed_gone(), 7u);
}

TEST_F(reconciler_test, what_only_matched_a_pattern_is_not_believed_to_have_vanished) {
  std::vector<std::string> names;
  for (int r = 0; r < 6; ++r) names.push_back("r" + std::to_string(r));
  for (const auto& r : names) tag(r, "v1", r);
  start();
  reconciler_->request(reconcile_mode::tags, {}, "asked");
  idle();
  for (const auto& r : names) source_.erase_manifest(r, *source_.tag(r, "v1"));
  reconciler_->request(reconcile_mode::tags, {}, "asked", names);
  idle();
  EXPECT_FALSE(reconciler_->status()->ended.back().complete);
  EXPECT_FALSE(reconciler_->status()->ended.back().whole);
  EXPECT_EQ(observed_gone(), 0u);
  reconciler_->request(reconcile_mode::tags, names, "asked");
  idle();
  EXPECT_EQ(observed_gone(), names.size());
}

TEST_F(reconciler_test, a_source_that_lost_more_than_half_of_its_repositories_takes_none_of_them_away) {
  for (int r = 0; r < 6; ++r) {
    for (int i = 0; i < 3; ++i) tag("r" + std::to_string(r), "v" + std::to_string(i), std::to_string(i));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  source_.erase_tag("r0", "v1");
  for (int r = 2; r < 6; ++r) {
    for (const auto& [name, at] : source_.tags("r" + std::to_string(r))) {
      source_.erase_manifest("r" + std::to_string(r), *source_.tag("r" + std::to_string(r), name));
    }
  }
  ASSERT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
  EXPECT_FALSE(last_.complete);
  for (int r = 2; r < 6; ++r) EXPECT_EQ(logged_tags("r" + std::to_string(r)).size(), 3u);
  for (const std::string t : {"v1", "v2"}) tag("r5", t, "back");
  ASSERT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
  EXPECT_TRUE(last_.complete) << last_.reason << ": half of them is believed";
  expect_logged({"r0", "r1", "r2", "r3", "r4", "r5"});
}

TEST_F(reconciler_test, an_emptied_source_is_not_believed_where_the_catalog_is_not_asked_either) {
  for (const std::string r : {"a", "b", "c", "d", "e"}) tag(r, "v1", r);
  settings_.repositories = {"a", "b", "c", "d", "e"};
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  for (const std::string r : {"a", "b", "c", "d", "e"}) source_.erase_manifest(r, *source_.tag(r, "v1"));
  for (const bool configured : {true, false}) {
    if (!configured) settings_.repositories.clear();
    source_.before = [&](const memory_registry::call& c) {
      source_.fail_always(c.verb == "list_repositories" ? std::optional(error{errc::denied, "no"}) : std::nullopt);
    };
    ASSERT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
    EXPECT_FALSE(last_.complete);
    EXPECT_EQ(observed_gone(), 0u);
  }
}

TEST_F(reconciler_test, an_empty_source_leaves_the_suspicion_of_a_loss) {
  for (const std::string r : {"a", "b"}) tag(r, "v1", r);
  start();
  reconciler_->request(reconcile_mode::digests, {}, "asked");
  idle();
  for (const std::string r : {"a", "b"}) source_.erase_manifest(r, *source_.tag(r, "v1"));
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  EXPECT_EQ(runs_ended().size(), 2u);
  EXPECT_EQ(state().suspected, "the registry was restarted");
  EXPECT_EQ(observed_gone(), 0u);
}

TEST_F(reconciler_test, a_listing_that_lags_takes_no_tag_away) {
  tag("a", "v1", "1");
  tag("a", "stays", "1");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  // The tag is there when it is asked for, and not when it is listed.
  const digest at = *source_.tag("a", "v1");
  source_.before = [&](const memory_registry::call& c) {
    if (c.verb == "list_tags") source_.erase_tag("a", "v1");
    if (c.verb == "resolve") source_.set_tag("a", "v1", at);
  };
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(observed_gone(), 0u);
  expect_logged({"a"});
}

// The heart of it: whatever fails, wherever, nothing that is there is called gone, nothing untrue is recorded, and
// the next run completes the work.
TEST_F(reconciler_test, whichever_request_fails_nothing_is_taken_away_and_the_next_run_completes) {
  const error faults[] = {{errc::unauthorized, "401"}, {errc::denied, "403"},     {errc::corrupt, "<html>"},
                          {errc::unavailable, "503"},  {errc::throttled, "429"},  {errc::rejected, "400"},
                          {errc::unsupported, "405"},  {errc::timed_out, "stall"}};
  source_.does.tags_per_page = 2;
  int round = 0;
  for (const error& fault : faults) {
    bool all_seen = false;
    for (std::uint64_t n = 0; !all_seen; ++n) {
      const std::string a = "a" + std::to_string(round), b = "b" + std::to_string(round);
      ++round;
      for (int i = 0; i < 5; ++i) tag(a, "v" + std::to_string(i), std::to_string(i));
      tag(b, "v1", "1");
      ASSERT_TRUE(reconcile(reconcile_mode::tags, {a, b}));
      expect_logged({a, b});
      tag(a, "v1", "moved");
      source_.erase_tag(a, "v4");
      const auto gone_before = observed_gone();
      const std::uint64_t start = source_.operations();
      source_.fail_operation(n, fault);
      const auto outcome = reconcile(reconcile_mode::digests, {a, b});
      ASSERT_TRUE(outcome) << outcome.error().text;
      all_seen = source_.operations() - start <= n;
      while (source_.operations() - start <= n) (void)run(source_.resolve(a, "v0"));  // the fault is over
      EXPECT_LE(observed_gone(), gone_before + 1);
      for (const auto& [tag, at] : source_.tags(a)) EXPECT_TRUE(logged_tags(a).contains(tag)) << tag;
      EXPECT_EQ(logged_tags(b), source_.tags(b));
      EXPECT_EQ(last_.complete, last_.counts.failed == 0);
      ASSERT_TRUE(reconcile(reconcile_mode::digests, {a, b}));
      EXPECT_TRUE(last_.complete);
      expect_logged({a, b});
    }
  }
}

TEST_F(reconciler_test, a_registry_that_refuses_or_babbles_for_good_takes_nothing_away_and_completes_nothing) {
  for (int r = 0; r < 30; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  const auto size = log_->durable_size();
  for (const errc code : {errc::unauthorized, errc::denied, errc::corrupt, errc::unavailable, errc::throttled}) {
    source_.fail_always(error{code, "no"});
    source_.forget_calls();
    EXPECT_EQ(reconcile(reconcile_mode::digests), run_end::broken_off) << name_of(code);
    EXPECT_FALSE(last_.complete);
    EXPECT_FALSE(last_.reason.empty());
    EXPECT_LT(source_.operations(), 100u) << "it does not go on for ever";
  }
  EXPECT_EQ(log_->durable_size(), size);
  source_.fail_always(std::nullopt);
  EXPECT_EQ(reconcile(reconcile_mode::digests), run_end::ended);
  EXPECT_TRUE(last_.complete);
}

TEST_F(reconciler_test, a_catalog_that_breaks_off_is_no_catalog) {
  source_.does.tags_per_page = 1;
  for (const std::string r : {"a", "b", "c"}) tag(r, "v1", r);
  source_.forget_calls();
  for (std::uint64_t n = 1; n < 5; ++n) source_.fail_operation(n, away());
  EXPECT_EQ(reconcile(reconcile_mode::tags), run_end::broken_off);
  EXPECT_EQ(log_->durable_size(), 0u);
  source_.forget_calls();
  source_.fail_operation(1, {errc::corrupt, "<html>"});
  EXPECT_EQ(reconcile(reconcile_mode::tags), run_end::broken_off);
  EXPECT_EQ(log_->durable_size(), 0u);
}

TEST_F(reconciler_test, where_the_catalog_is_forbidden_the_log_tells_where_to_look) {
  tag("a", "v1", "1");
  tag("unknown", "v1", "1");
  say_pushed("a", "v0", content("a", "0"));
  for (const errc code : {errc::unauthorized, errc::denied, errc::unsupported, errc::not_found}) {
    source_.forget_calls();
    source_.fail_operation(0, {code, "no"});
    ASSERT_EQ(reconcile(reconcile_mode::tags), run_end::ended);
    EXPECT_EQ(names_from_, "the log");
    EXPECT_EQ(last_.counts.failed, 0u);
    EXPECT_FALSE(last_.complete) << "what the log does not know cannot be found";
    EXPECT_NE(last_.catalog_refused.find("no"), std::string::npos);
    EXPECT_NE(last_.reason.find("reconcile.repositories"), std::string::npos) << last_.reason;
  }
  expect_logged({"a"});
  EXPECT_TRUE(logged_tags("unknown").empty());
}

TEST_F(reconciler_test, a_run_without_the_catalog_clears_no_suspicion_unless_the_repositories_are_given) {
  tag("a", "v1", "1");
  say_pushed("a", "v1", *source_.tag("a", "v1"));
  source_.before = [&](const memory_registry::call& c) {
    source_.fail_always(c.verb == "list_repositories" ? std::optional(error{errc::denied, "no"}) : std::nullopt);
  };
  for (const bool given : {false, true}) {
    if (given) settings_.repositories = {"a"};
    start();
    reconciler_->suspect("the registry was restarted");
    settle();
    idle();
    EXPECT_EQ(state().suspected.empty(), given);
    EXPECT_EQ(state().last_complete.has_value(), given);
    ASSERT_TRUE(state().last);
    EXPECT_EQ(state().last->catalog_refused.empty(), given);
    stop();
  }
}

TEST_F(reconciler_test, a_given_list_of_repositories_is_all_that_is_looked_at) {
  for (const std::string r : {"a", "b", "c"}) tag(r, "v1", r);
  settings_.repositories = {"a", "c"};
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(names_from_, "the configuration");
  EXPECT_EQ(source_.count("list_repositories"), 0u);
  expect_logged({"a", "c"});
  EXPECT_TRUE(logged_tags("b").empty());
}

TEST_F(reconciler_test, with_several_registries_a_source_answers_only_for_what_it_had) {
  settings_.sole = false;
  tag("a", "v1", "1");
  tag("stays", "v1", "1");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  say_pushed("others/app", "v1", content("a", "1"));
  source_.erase_manifest("a", *source_.tag("a", "v1"));
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(logged_tags("others/app").size(), 1u);
  EXPECT_TRUE(logged_tags("a").empty());
}

TEST_F(reconciler_test, with_several_registries_a_pattern_takes_nothing_from_the_others) {
  settings_.sole = false;
  std::vector<std::string> matched;
  for (int r = 0; r < 6; ++r) {
    matched.push_back("team/here" + std::to_string(r));
    tag(matched.back(), "v1", std::to_string(r));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  for (int r = 0; r < 3; ++r) {
    matched.push_back("team/there" + std::to_string(r));
    say_pushed(matched.back(), "v1", content("scratch", std::to_string(r)));
  }
  source_.erase_manifest("team/here0", *source_.tag("team/here0", "v1"));
  start();
  reconciler_->request(reconcile_mode::tags, {}, "asked", matched);
  idle();
  EXPECT_TRUE(reconciler_->status()->ended.back().complete) << reconciler_->status()->ended.back().reason;
  EXPECT_EQ(reconciler_->status()->ended.back().counts.done, 9u);
  EXPECT_EQ(observed_gone(), 1u);
  EXPECT_EQ(logged_tags("team/there0").size(), 1u);
  reconciler_->request(reconcile_mode::tags, {"team/there0"}, "asked");
  idle();
  EXPECT_TRUE(logged_tags("team/there0").empty()) << "that one was meant";
}

TEST_F(reconciler_test, what_matched_is_looked_at_however_much_it_is_and_whatever_it_is_united_with) {
  settings_.repositories = {"a"};
  std::vector<std::string> matched;
  for (int r = 0; r < 1'200; ++r) matched.push_back("r" + std::to_string(r));
  tag("r1199", "v1", "new");
  tag("a", "v1", "new");
  start();
  reconciler_->request(reconcile_mode::tags, {}, "asked", matched);
  idle();
  EXPECT_FALSE(reconciler_->status()->ended.back().whole);
  EXPECT_EQ(logged_tags("r1199").size(), 1u);
  EXPECT_TRUE(logged_tags("a").empty());
  tag("r7", "v1", "newer");
  reconciler_->request(reconcile_mode::tags, {}, "asked", matched);
  reconciler_->request(reconcile_mode::tags, {}, "asked");
  idle();
  EXPECT_TRUE(reconciler_->status()->ended.back().whole);
  EXPECT_EQ(logged_tags("r7").size(), 1u);
  EXPECT_EQ(logged_tags("a").size(), 1u);
}

TEST_F(reconciler_test, an_event_that_came_during_the_look_wins) {
  tag("a", "v1", "1");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  const digest two = content("a", "2"), three = content("a", "3");
  source_.set_tag("a", "v1", two);
  source_.before = [&](const memory_registry::call& c) {
    // After the registry has answered, as far as the look can tell: the event says what comes after it.
    if (c.verb == "resolve") say_pushed("a", "v1", three);
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_EQ(last_.counts.found, 0u);
  EXPECT_EQ(logged_tags("a").at("v1"), three.text());
}

TEST_F(reconciler_test, an_event_that_came_just_before_the_findings_makes_it_look_again) {
  tag("a", "v1", "1");
  tag("a", "v2", "1");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  tag("a", "v1", "moved");
  const digest other = content("a", "other");
  source_.before = [&, said = false](const memory_registry::call& c) mutable {
    if (c.verb == "resolve" && c.ref == "v2" && !std::exchange(said, true)) {
      // Queued, not yet durable when the findings are made.
      log::event e;
      e.kind = log::event_kind::push;
      e.repository = "a";
      e.tag = "v1";
      e.digest = other.text();
      e.media_type = std::string(media_type::oci_manifest);
      ASSERT_TRUE(sequencer_->submit({e}, [](const result<log::append_outcome>&) {}));
      source_.set_tag("a", "v1", other);
    }
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  expect_logged({"a"});
}

TEST_F(reconciler_test, a_run_broken_off_by_a_kill_goes_on_where_it_was) {
  for (int r = 0; r < 400; ++r) {
    char name[8];
    std::snprintf(name, sizeof name, "r%03d", r);
    tag(name, "v1", "1");
  }
  settings_.every_ms = 3'600'000;
  settings_.on_hint = false;
  settings_.repositories_at_once = 2;
  start();
  run_until([&] { return source_.count("list_tags") > 250; });
  kill();
  ASSERT_TRUE(state().open);
  const std::string through = state().open->through;
  EXPECT_GT(through, "r050");
  source_.forget_calls();
  start();
  idle();
  EXPECT_FALSE(state().open);
  ASSERT_TRUE(state().last_complete);
  EXPECT_EQ(state().last_complete->counts.done, 400u);
  EXPECT_LT(source_.count("list_tags"), 400u - 50u) << "and did not begin anew";
  for (int r = 0; r < 400; ++r) {
    char name[8];
    std::snprintf(name, sizeof name, "r%03d", r);
    expect_logged({name});
  }
}

TEST_F(reconciler_test, a_run_that_breaks_off_is_taken_up_after_a_pause) {
  for (int r = 0; r < 40; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  settings_.every_ms = 3'600'000;
  source_.before = [&](const memory_registry::call&) {
    if (source_.count("list_tags") == 20) source_.fail_always(away());
  };
  start();
  wait_for_break_off();
  EXPECT_NE(state().open->reason, "");
  EXPECT_FALSE(state().last_complete);
  ASSERT_FALSE(reconciler_->status()->ended.empty());
  EXPECT_NE(reconciler_->status()->next_at.us, 0);
  source_.before = nullptr;
  source_.fail_always(std::nullopt);
  source_.forget_calls();
  pauses_.advance(10'000);
  settle();
  idle();
  ASSERT_TRUE(state().last_complete);
  EXPECT_EQ(state().last_complete->counts.failed, 0u) << "what failed when it broke off was looked at again";
  EXPECT_LT(source_.count("list_tags"), 40u);
  for (int r = 0; r < 40; ++r) expect_logged({"r" + std::to_string(r)});
}

TEST_F(reconciler_test, a_source_that_is_away_is_told_of_until_a_run_over_all_is_complete) {
  tag("a", "v1", "1");
  settings_.every_ms = 3'600'000;
  source_.fail_always(away());
  start();
  const auto expect_told = [&](const char* when) {
    const auto s = reconciler_->status();
    ASSERT_TRUE(s && s->reconciled.incomplete() != nullptr) << when;
    EXPECT_TRUE(s->reconciled.incomplete()->whole && s->reconciled.incomplete()->broken_off) << when;
    EXPECT_NE(s->reconciled.incomplete()->reason, "") << when;
  };
  wait_for_break_off();
  expect_told("by the first try");
  for (int i = 0; i < 20; ++i) {
    pauses_.advance(600'000);
    settle();
  }
  ASSERT_EQ(reconciler_->status()->ended.size(), 1u) << "however often it was tried";
  const std::string run = reconciler_->request(reconcile_mode::tags, {"nosuch"}, "asked");
  for (int i = 0; i < 200 && reconciler_->status()->ended.back().run != run; ++i) {
    pauses_.advance(1'000);
    settle();
  }
  EXPECT_EQ(reconciler_->status()->ended.back().run, run);
  expect_told("after one over some");
  kill();
  start();
  expect_told("after a restart");
  source_.fail_always(std::nullopt);
  pauses_.advance(600'000);
  settle();
  idle();
  ASSERT_TRUE(state().last_complete);
  EXPECT_EQ(reconciler_->status()->reconciled.incomplete(), nullptr);
}

TEST_F(reconciler_test, a_run_that_broke_off_for_a_full_disk_is_told_of_though_nothing_can_be_journaled) {
  refusing_appender& disk = disk_full_after_the_first();
  const auto s = reconciler_->status();
  ASSERT_TRUE(s && s->reconciled.incomplete() != nullptr);
  EXPECT_NE(s->reconciled.incomplete()->reason.find("the disk is full"), std::string::npos);
  EXPECT_TRUE(s->reconciled.incomplete()->broken_off);
  disk.with.reset();
  pauses_.advance(600'000);
  settle();
  idle();
  EXPECT_EQ(reconciler_->status()->reconciled.incomplete(), nullptr);
}

TEST_F(reconciler_test, a_run_whose_start_met_a_full_disk_is_on_record_once_it_is_made) {
  refusing_appender& disk = disk_full_after_the_first();
  EXPECT_FALSE(state().open);
  disk.with.reset();
  source_.fail_always(away());
  const timestamp taken_up = clock_.now();
  wait_for_break_off();
  ASSERT_TRUE(state().open);
  EXPECT_NE(state().open->reason, "");
  EXPECT_GE(state().open->started, taken_up) << "nothing was looked at before";
  ASSERT_NE(state().incomplete(), nullptr);
  EXPECT_TRUE(state().incomplete()->broken_off) << "as a restart would find it";
}

TEST_F(reconciler_test, a_run_over_some_that_ended_before_its_end_is_not_told_to_be_taken_up) {
  refusing_appender& disk = full_disk();
  disk.with.reset();
  std::vector<std::string> some;
  for (int r = 0; r < 20; ++r) some.push_back("r" + std::to_string(r));
  for (const std::string& r : some) tag(r, "v1", "1");
  start();
  settle();
  const auto ask_for_some = [&] {
    const std::string run = reconciler_->request(reconcile_mode::tags, some, "asked");
    for (int i = 0; i < 200; ++i) {
      settle();
      if (!reconciler_->status()->ended.empty() && reconciler_->status()->ended.back().run == run) break;
      pauses_.advance(1'000);
    }
    EXPECT_EQ(reconciler_->status()->ended.back().run, run);
    return reconciler_->status()->ended.back();
  };
  source_.fail_always(away());
  const reconcile_record unreachable = ask_for_some();
  EXPECT_FALSE(unreachable.whole || unreachable.complete || unreachable.broken_off);
  EXPECT_NE(unreachable.reason, "");
  source_.fail_always(std::nullopt);
  disk.with = error{errc::no_space, "the disk is full"};
  const reconcile_record full = ask_for_some();
  EXPECT_FALSE(full.whole || full.complete || full.broken_off);
  EXPECT_NE(full.reason.find("the disk is full"), std::string::npos) << full.reason;
}

TEST_F(reconciler_test, a_repository_that_is_refused_does_not_hold_up_the_others) {
  for (int r = 0; r < 60; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  source_.before = [&](const memory_registry::call& c) {
    const bool theirs = c.repository.starts_with("r1") || c.repository.starts_with("r2");
    source_.fail_always(theirs ? std::optional(error{errc::denied, "no"}) : std::nullopt);
  };
  ASSERT_EQ(reconcile(reconcile_mode::tags), run_end::ended);
  EXPECT_FALSE(last_.complete);
  EXPECT_EQ(last_.counts.failed, 22u);
  EXPECT_EQ(last_.counts.done, 60u);
  EXPECT_NE(last_.reason.find("no"), std::string::npos);
  expect_logged({"r0", "r3", "r59"});
}

TEST_F(reconciler_test, a_repository_that_fails_for_a_moment_is_looked_at_once_more) {
  for (int r = 0; r < 5; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  source_.fail_operation(2, {errc::corrupt, "<html>"});
  source_.fail_operation(4, {errc::denied, "no"});
  ASSERT_EQ(reconcile(reconcile_mode::tags), run_end::ended);
  EXPECT_TRUE(last_.complete) << last_.reason;
  for (int r = 0; r < 5; ++r) expect_logged({"r" + std::to_string(r)});
}

TEST_F(reconciler_test, what_is_asked_for_during_a_run_is_one_run_after_it_and_the_strongest) {
  for (int r = 0; r < 10; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  start();
  std::set<std::string> named;
  const std::string first = reconciler_->request(reconcile_mode::tags, {}, "asked");
  run_until([&] { return source_.count("list_tags") > 3; });
  for (int i = 0; i < 20; ++i) {
    named.insert(reconciler_->request(i == 7 ? reconcile_mode::digests : reconcile_mode::tags, {"r1"}, "asked"));
  }
  named.insert(reconciler_->request(reconcile_mode::tags, {}, "asked"));
  ASSERT_EQ(named.size(), 1u);
  EXPECT_NE(*named.begin(), first);
  idle();
  ASSERT_EQ(runs_ended().size(), 2u);
  const auto ended = reconciler_->status()->ended;
  ASSERT_EQ(ended.size(), 2u);
  EXPECT_EQ(ended.back().run, *named.begin());
  EXPECT_EQ(ended.back().mode, reconcile_mode::digests);
  EXPECT_TRUE(ended.back().whole);
  EXPECT_EQ(ended.back().counts.done, 10u);
}

TEST_F(reconciler_test, what_an_interrupted_run_has_passed_is_looked_at_when_it_is_asked_for) {
  for (int r = 0; r < 40; ++r) tag("r" + std::to_string(100 + r), "v1", std::to_string(r));
  settings_.every_ms = 3'600'000;
  source_.before = [&](const memory_registry::call&) {
    if (source_.count("list_tags") == 20) source_.fail_always(away());
  };
  start();
  wait_for_break_off();
  source_.before = nullptr;
  source_.fail_always(std::nullopt);
  tag("r100", "v2", "later");
  ASSERT_FALSE(reconciler_->status()->running);
  const std::string run = reconciler_->request(reconcile_mode::tags, {"r100"}, "asked");
  idle();
  EXPECT_EQ(reconciler_->status()->ended.back().run, run);
  EXPECT_TRUE(reconciler_->status()->ended.back().complete);
  expect_logged({"r100"});
  ASSERT_TRUE(state().open) << "and the interrupted one is taken up after it";
  pauses_.advance(10'000);
  settle();
  idle();
  EXPECT_TRUE(state().last_complete);
  expect_logged({"r100", "r139"});
}

TEST_F(reconciler_test, runs_come_on_schedule_and_partial_ones_do_not_put_them_off) {
  tag("a", "v1", "1");
  settings_.every_ms = 3'600'000;
  start();
  idle();
  ASSERT_EQ(runs_ended().size(), 1u);
  pauses_.advance(1'800'000);
  settle();
  EXPECT_EQ(runs_ended().size(), 1u);
  reconciler_->request(reconcile_mode::tags, {"a"}, "asked");
  idle();
  EXPECT_EQ(runs_ended().size(), 2u);
  pauses_.advance(1'800'000);
  settle();
  idle();
  EXPECT_EQ(runs_ended().size(), 3u);
}

TEST_F(reconciler_test, scheduled_runs_find_a_moved_tag_within_the_digest_check_time) {
  for (int r = 0; r < 12; ++r) tag("r" + std::to_string(r), "v1", std::to_string(r));
  settings_.every_ms = 3'600'000;
  settings_.digest_check_every_ms = 4 * 3'600'000;
  start();
  idle();
  for (int r = 0; r < 12; ++r) tag("r" + std::to_string(r), "v1", "moved");
  for (int hour = 0; hour < 4; ++hour) {
    source_.forget_calls();
    pauses_.advance(3'600'000);
    settle();
    idle();
    EXPECT_LE(source_.count("resolve"), 4u) << "a share in each run";
  }
  for (int r = 0; r < 12; ++r) expect_logged({"r" + std::to_string(r)});
}

TEST_F(reconciler_test, a_hint_makes_a_run_with_digests_and_the_suspicion_goes_when_it_is_complete) {
  tag("a", "v1", "1");
  start();
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  EXPECT_EQ(state().suspected, "");
  ASSERT_TRUE(state().last_complete);
  EXPECT_EQ(state().last_complete->mode, reconcile_mode::digests);
  expect_logged({"a"});
  // A registry that restarts again and again does not keep this going all the time.
  for (int i = 0; i < 10; ++i) reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  EXPECT_NE(state().suspected, "");
  EXPECT_EQ(runs_ended().size(), 1u);
  pauses_.advance(300'001);
  settle();
  idle();
  EXPECT_EQ(state().suspected, "");
  EXPECT_EQ(runs_ended().size(), 2u);
}

TEST_F(reconciler_test, a_look_for_a_suspected_loss_that_waits_for_its_time_is_shown) {
  tag("a", "v1", "1");
  settings_.every_ms = 86'400'000;
  start();
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  const auto shown = *reconciler_->status();
  EXPECT_FALSE(shown.running);
  EXPECT_NE(shown.queued, "");
  EXPECT_LE(shown.next_at.us, clock_.now().us + settings_.hint_gap_ms * 1'000);
  const std::size_t before = runs_ended().size();
  pauses_.advance(300'001);
  settle();
  idle();
  ASSERT_EQ(runs_ended().size(), before + 1);
  EXPECT_NE(runs_ended().back().find(shown.queued), std::string::npos);
  EXPECT_EQ(reconciler_->status()->queued, "");
}

TEST_F(reconciler_test, a_suspicion_that_a_start_finds_is_looked_into_at_once_and_with_digests) {
  tag("a", "v1", "1");
  settings_.every_ms = 86'400'000;
  start();
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  reconciler_->suspect("the registry was restarted");
  settle();
  ASSERT_NE(state().suspected, "") << "its run waits for its time";
  stop();
  start();
  settle();
  idle();
  EXPECT_EQ(state().suspected, "");
  EXPECT_EQ(state().last_complete->mode, reconcile_mode::digests);
}

TEST_F(reconciler_test, a_suspicion_outlives_failures_and_restarts) {
  tag("a", "v1", "1");
  settings_.on_hint = false;
  start();
  reconciler_->suspect("the registry was restarted");
  settle();
  idle();
  EXPECT_TRUE(runs_ended().empty());
  stop();
  start();
  EXPECT_EQ(state().suspected, "the registry was restarted");
  source_.fail_always(away());
  reconciler_->request(reconcile_mode::digests, {}, "asked");
  for (int i = 0; i < 20; ++i) {
    pauses_.advance(60'000);
    settle();
  }
  EXPECT_NE(state().suspected, "");
  source_.fail_always(std::nullopt);
  for (int i = 0; i < 20; ++i) {
    pauses_.advance(600'000);
    settle();
  }
  idle();
  EXPECT_EQ(state().suspected, "");
}

TEST_F(reconciler_test, many_suspicions_cost_one_record_between_two_runs) {
  tag("a", "v1", "1");
  start();
  for (std::size_t round = 1; round <= 3; ++round) {
    for (int i = 0; i < 20; ++i) {
      reconciler_->suspect("the registry was restarted");
      settle();
      pauses_.advance(1);
    }
    idle();
    EXPECT_LE(suspicions_noted(), 2 * round) << "a new one after the run began that the first was cause for";
    pauses_.advance(300'001);
    settle();
    idle();
    EXPECT_EQ(state().suspected, "");
  }
}

TEST_F(reconciler_test, a_suspicion_that_comes_while_a_run_goes_on_outlives_it) {
  tag("a", "v1", "1");
  settings_.on_hint = false;
  start();
  reconciler_->suspect("the first");
  settle();
  pauses_.advance(1);
  source_.before = [&, said = false](const memory_registry::call& c) mutable {
    if (c.verb != "list_tags" || std::exchange(said, true)) return;
    pauses_.advance(1);
    reconciler_->suspect("the second");
  };
  reconciler_->request(reconcile_mode::digests, {}, "asked");
  settle();
  idle();
  EXPECT_EQ(runs_ended().size(), 1u);
  EXPECT_EQ(suspicions_noted(), 2u);
  EXPECT_EQ(state().suspected, "the second");
}

TEST_F(reconciler_test, a_full_disk_delays_and_does_not_halt) {
  tag("a", "v1", "1");
  settings_.every_ms = 3'600'000;
  for (const errc code : {errc::no_space, errc::busy}) {
    refusing_appender& disk = full_disk();
    disk.with = error{code, "not now"};
    start();
    for (int i = 0; i < 5; ++i) {
      settle();
      pauses_.advance(600'001);
    }
    EXPECT_GT(disk.refused, 3) << "it is tried again";
    EXPECT_LT(disk.refused, 10) << "with pauses";
    EXPECT_EQ(reconciler_->status()->halted, "");
    disk.with.reset();
    pauses_.advance(600'001);
    settle();
    idle();
    EXPECT_EQ(reconciler_->status()->ended.size(), 1u) << "and then the run of the start is made";
    expect_logged({"a"});
    stop();
  }
}

TEST_F(reconciler_test, a_suspicion_that_comes_while_the_disk_is_full_is_journaled_when_it_is_not) {
  tag("a", "v1", "1");
  refusing_appender& disk = full_disk();
  disk.with.reset();
  start();
  settle();
  disk.with = error{errc::no_space, "the disk is full"};
  reconciler_->suspect("the registry was restarted");
  settle();
  EXPECT_EQ(disk.refused, 1);
  EXPECT_EQ(reconciler_->status()->halted, "");
  EXPECT_EQ(reconciler_->status()->reconciled.suspected, "the registry was restarted") << "shown all the same";
  EXPECT_EQ(state().suspected, "");
  disk.with.reset();
  pauses_.advance(600'001);
  settle();
  idle();
  EXPECT_EQ(suspicions_noted(), 1u);
  ASSERT_EQ(runs_ended().size(), 1u);
  EXPECT_NE(runs_ended().front().find("the registry was restarted"), std::string::npos);
  EXPECT_EQ(reconciler_->status()->reconciled.suspected, "");
}

TEST_F(reconciler_test, a_stop_leaves_no_suspicion_behind_that_could_not_be_journaled_before) {
  tag("a", "v1", "1");
  settings_.on_hint = false;
  refusing_appender& disk = full_disk();
  disk.with.reset();
  start();
  settle();
  disk.with = error{errc::no_space, "the disk is full"};
  reconciler_->suspect("the registry was restarted");
  settle();
  disk.with.reset();
  stop();
  EXPECT_EQ(state().suspected, "the registry was restarted");
  EXPECT_FALSE(state().watched);
}

TEST_F(reconciler_test, a_journal_that_is_unusable_for_good_halts_and_is_shown) {
  refusing_appender& disk = full_disk();
  disk.with.reset();
  start();
  settle();
  disk.with = error{errc::unknown_outcome, "a write failed"};
  reconciler_->suspect("the registry was restarted");
  settle();
  EXPECT_NE(reconciler_->status()->halted.find("a write failed"), std::string::npos);
  pauses_.advance(600'001);
  settle();
  EXPECT_EQ(disk.refused, 1) << "and not tried again";
  ASSERT_EQ(halts_.size(), 1u) << "told once, for the log file";
  EXPECT_EQ(halts_.front(), reconciler_->status()->halted);
}

TEST_F(reconciler_test, a_start_after_a_kill_suspects_a_loss_and_after_a_stop_does_not) {
  tag("a", "v1", "1");
  start();
  settle();
  stop();
  start();
  settle();
  EXPECT_EQ(state().suspected, "");
  kill();
  start();
  settle();
  idle();
  ASSERT_EQ(runs_ended().size(), 1u);
  EXPECT_NE(runs_ended().front().find("not stopped"), std::string::npos);
}

TEST_F(reconciler_test, a_stop_does_not_wait_for_a_registry_that_hangs) {
  tag("a", "v1", "1");
  settings_.stop_deadline_ms = 1;
  for (const std::string verb : {"list_repositories", "list_tags", "resolve"}) {
    source_.stall(verb);
    start();
    reconciler_->request(reconcile_mode::digests, {}, "asked");
    settle();
    ASSERT_TRUE(reconciler_->status()->running) << verb;
    run(reconciler_->stop());
    EXPECT_FALSE(reconciler_->status()->running);
    reconciler_.reset();
    pauses_.resume();
    source_.stall({});
  }
}

TEST_F(reconciler_test, a_log_that_takes_nothing_breaks_the_run_off) {
  tag("a", "v1", "1");
  sequencer_->stop();
  start();
  reconciler_->request(reconcile_mode::tags, {}, "asked");
  idle();
  EXPECT_FALSE(reconciler_->status()->halted.empty());
  EXPECT_TRUE(runs_ended().empty());
}

TEST_F(reconciler_test, requests_keep_to_the_rate) {
  for (int r = 0; r < 50; ++r) tag("r" + std::to_string(r), "v1", "1");
  settings_.requests_per_second = 20;
  const timestamp begun = clock_.now();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(last_.counts.requests, 101u);
  EXPECT_GE(clock_.now().us - begun.us, 5'000'000 - 100'000);
  EXPECT_LE(clock_.now().us - begun.us, 5'500'000);
}

TEST_F(reconciler_test, with_several_registries_what_the_catalog_lists_is_of_this_source) {
  settings_.sole = false;
  for (const std::string r : {"a", "b", "c", "d"}) {
    tag(r, "v1", r);
    say_pushed(r, "v1", *source_.tag(r, "v1"));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(last_.counts.found, 0u);
  source_.erase_tag("a", "v1");
  for (const reconcile_mode mode : {reconcile_mode::tags, reconcile_mode::digests, reconcile_mode::tags}) {
    ASSERT_TRUE(reconcile(mode));
    EXPECT_TRUE(logged_tags("a").empty() || !last_.complete) << "complete, and not found";
  }
}
TEST_F(reconciler_test, with_several_registries_a_configured_repository_is_of_this_source) {
  settings_.sole = false;
  settings_.repositories = {"a", "b", "c", "d"};
  for (const std::string r : {"a", "b", "c", "d"}) {
    tag(r, "v1", r);
    say_pushed(r, "v1", *source_.tag(r, "v1"));
  }
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  source_.erase_tag("a", "v1");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_TRUE(logged_tags("a").empty() || !last_.complete) << "complete, and not found";
}

TEST_F(reconciler_test, a_repository_that_moved_to_another_source_is_not_taken_away_by_the_first) {
  settings_.sole = false;
  memory_registry other("other");
  const auto look_at_other = [&](int n) { look_at(other, "other" + std::to_string(n)); };
  for (const std::string r : {"a", "b", "c", "d"}) tag(r, "v1", r);
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  ASSERT_EQ(logged_tags("a").size(), 1u);
  const digest d = add_oci_image(other, "a", {"a"});  // moved there
  other.set_tag("a", "v1", d);
  source_.erase_repository("a");
  std::vector<std::size_t> events;
  for (int n = 0; n < 4; ++n) {
    ASSERT_TRUE(reconcile(reconcile_mode::tags));
    EXPECT_EQ(logged_tags("a").size(), 1u) << "in the other's catalog, and said to be gone in run " << n;
    look_at_other(n);
    events.push_back(observed().size());
  }
  EXPECT_EQ(events[3], events[1]) << "nothing changed at either, and each run writes events";
  source_.add_blob("a", "left behind");  // which keeps it in the catalog
  const std::size_t records = journaled(log::event_kind::repository_reconciled).size();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(logged_tags("a").size(), 1u);
  EXPECT_EQ(journaled(log::event_kind::repository_reconciled).size(), records);
}

TEST_F(reconciler_test, with_several_registries_what_a_catalog_has_no_more_is_gone_once_the_others_were_looked_at) {
  settings_.sole = false;
  memory_registry other("other");
  other.set_tag("x", "v1", add_oci_image(other, "x", {"x"}));
  for (const std::string r : {"a", "b", "c", "d"}) tag(r, "v1", r);
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  look_at(other, "other0");
  clock_.advance_us(1'000'000);
  source_.erase_repository("a");
  for (int n = 0; n < 2; ++n) {
    ASSERT_TRUE(reconcile(reconcile_mode::tags));
    EXPECT_TRUE(last_.complete) << last_.reason;
    EXPECT_EQ(logged_tags("a").size(), 1u) << "it may have moved there since";
  }
  clock_.advance_us(1'000'000);
  look_at(other, "other1");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_TRUE(logged_tags("a").empty());
  EXPECT_FALSE(*reconciled_->repository("main", "a")) << "it is nobody's";
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_EQ(observed_gone(), 1u);
}

TEST_F(reconciler_test, a_repository_that_was_missed_once_and_came_back_has_its_grace_again) {
  settings_.sole = false;
  memory_registry other("other");
  other.set_tag("x", "v1", add_oci_image(other, "x", {"x"}));
  for (const std::string r : {"a", "b", "c", "d"}) tag(r, "v1", r);
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  look_at(other, "grace0");
  clock_.advance_us(1'000'000);
  source_.erase_repository("a");  // a moment's state
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  tag("a", "v1", "a");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  const std::size_t records = journaled(log::event_kind::repository_reconciled).size();
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(journaled(log::event_kind::repository_reconciled).size(), records) << "said once";
  clock_.advance_us(1'000'000);
  look_at(other, "grace1");
  clock_.advance_us(1'000'000);
  source_.erase_repository("a");  // moved now, and the other was not looked at since
  other.set_tag("a", "v1", add_oci_image(other, "a", {"a"}));
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(logged_tags("a").size(), 1u);
}

TEST_F(reconciler_test, a_repository_that_was_pushed_to_after_it_was_missed_has_its_grace_again) {
  settings_.sole = false;
  memory_registry other("other");
  other.set_tag("x", "v1", add_oci_image(other, "x", {"x"}));
  for (const std::string r : {"a", "b", "c", "d"}) tag(r, "v1", r);
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  look_at(other, "pushed0");
  clock_.advance_us(1'000'000);
  source_.erase_repository("a");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  clock_.advance_us(1'000'000);
  say_pushed("a", "v2", content("a", "a2"));
  look_at(other, "pushed1");
  clock_.advance_us(1'000'000);
  source_.erase_repository("a");
  ASSERT_TRUE(reconcile(reconcile_mode::tags));
  EXPECT_EQ(logged_tags("a").size(), 2u);
}

TEST_F(reconciler_test, a_tag_that_the_source_cannot_serve_hides_no_moved_one) {
  tag("r", "a", "damaged at the source");
  for (int n = 0; n < 20; ++n) tag("r", "t" + std::to_string(n), "first " + std::to_string(n));
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  for (int n = 0; n < 20; ++n) tag("r", "t" + std::to_string(n), "second " + std::to_string(n));
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || c.ref != "a") return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500 Internal Server Error"}};
  };
  for (int n = 0; n < 3; ++n) {
    clock_.advance_us(3'600'000'000);
    ASSERT_TRUE(reconcile(reconcile_mode::digests));
  }
  source_.faults = nullptr;
  expect_logged({"r"});
}

TEST_F(reconciler_test, three_tags_in_a_row_that_the_source_cannot_serve_hide_no_moved_one) {
  settings_.tags_at_once = 1;
  for (const char* t : {"1", "1.0", "1.0.0"}) tag("r", t, "damaged at the source");
  for (int n = 0; n < 20; ++n) tag("r", "t" + std::to_string(n), "first " + std::to_string(n));
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  for (int n = 0; n < 20; ++n) tag("r", "t" + std::to_string(n), "second " + std::to_string(n));
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || !c.ref.starts_with("1")) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500 Internal Server Error"}};
  };
  for (int n = 0; n < 3; ++n) {
    clock_.advance_us(3'600'000'000);
    ASSERT_TRUE(reconcile(reconcile_mode::digests));
  }
  source_.faults = nullptr;
  expect_logged({"r"});
}

TEST_F(reconciler_test, however_many_tags_the_source_cannot_serve_no_moved_one_is_hidden) {
  for (int n = 0; n < 40; ++n) tag("r", "damaged" + std::to_string(n), "damaged at the source");
  tag("r", "v1", "first");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  tag("r", "v1", "second");
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || !c.ref.starts_with("damaged")) return std::nullopt;
    return memory_registry::fault{{errc::unavailable, "500 Internal Server Error"}};
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_FALSE(last_.complete);
  EXPECT_NE(last_.reason.find("damaged0"), std::string::npos) << last_.reason;
  source_.faults = nullptr;
  expect_logged({"r"});
}

// Each question is answered within 1.3 s, or waits so long for its turn: four tries of one are no long wait.
TEST_F(reconciler_test, tags_that_are_refused_soon_at_each_of_four_tries_hide_no_moved_one) {
  settings_.tags_at_once = 1;
  for (int n = 0; n < 100; ++n) tag("r", "damaged" + std::to_string(n), "damaged at the source");
  tag("r", "v1", "first");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  tag("r", "v1", "second");
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || !c.ref.starts_with("damaged")) return std::nullopt;
    clock_.advance_us(1'300'000);
    return memory_registry::fault{{errc::unavailable, "500 Internal Server Error"}};
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  source_.faults = nullptr;
  expect_logged({"r"});
}

// Each asks to be left alone for a minute, four times over: a whole repository of them takes days.
TEST_F(reconciler_test, a_source_that_lists_and_throttles_all_else_is_not_asked_for_each_tag) {
  settings_.tags_at_once = 1;
  for (int n = 0; n < 500; ++n) tag("r", "t" + std::to_string(n), "layer");
  std::size_t asked = 0;
  const timestamp began = clock_.now();
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve") return std::nullopt;
    ++asked;
    return memory_registry::fault{{errc::throttled, "429 Too Many Requests", 60'000}};
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  source_.faults = nullptr;
  EXPECT_LE(asked, 4u * 2u * 60u) << "each four times, in both looks of a run";
  EXPECT_LE((clock_.now().us - began.us) / 3'600'000'000, 10) << "hours";
}

TEST_F(reconciler_test, tags_that_are_waited_for_in_vain_do_not_hide_the_same_one_in_each_run) {
  for (int n = 0; n < 100; ++n) tag("r", "damaged" + std::to_string(n), "damaged at the source");
  tag("r", "v1", "first");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  tag("r", "v1", "second");
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve" || !c.ref.starts_with("damaged")) return std::nullopt;
    return memory_registry::fault{{errc::timed_out, "no answer in 30 s"}};
  };
  for (int n = 0; n < 20; ++n) {
    ASSERT_TRUE(reconcile(reconcile_mode::digests));
    EXPECT_NE(last_.reason.find("damaged"), std::string::npos) << last_.reason;
  }
  source_.faults = nullptr;
  expect_logged({"r"});
}

TEST_F(reconciler_test, a_source_that_lists_and_lets_all_else_wait_is_not_waited_for_by_the_day) {
  for (int n = 0; n < 2'000; ++n) tag("r", "t" + std::to_string(n), "same");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  clock_.advance_us(3'600'000'000);
  const timestamp began = clock_.now();
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "resolve") return std::nullopt;
    clock_.advance_us(30'000'000);
    return memory_registry::fault{{errc::timed_out, "no answer in 30 s"}};
  };
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  EXPECT_FALSE(last_.complete);
  EXPECT_LT(clock_.now().us - began.us, 1'000 * 30'000'000LL);
}

TEST_F(reconciler_test, a_source_that_is_away_amid_a_look_is_not_asked_for_every_tag) {
  for (int n = 0; n < 500; ++n) tag("r", "t" + std::to_string(n), "same");
  ASSERT_TRUE(reconcile(reconcile_mode::digests));
  for (const errc code : {errc::unavailable, errc::throttled, errc::unauthorized, errc::denied, errc::corrupt}) {
    source_.forget_calls();
    source_.before = [&](const memory_registry::call&) {
      if (source_.count("resolve") == 100) source_.fail_always(error{code, "away"});
    };
    ASSERT_TRUE(reconcile(reconcile_mode::digests));
    EXPECT_FALSE(last_.complete);
    EXPECT_LT(source_.count("resolve"), 200u) << name_of(code);
    source_.before = nullptr;
    source_.fail_always(std::nullopt);
  }
  EXPECT_EQ(observed_gone(), 0u);
}

}  // namespace
}  // namespace longshore::engine
