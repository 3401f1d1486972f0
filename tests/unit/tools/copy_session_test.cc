// A copy, and the plan of one, between files: what comes to be where, and what is told.

#include "tools/copy_session.h"

#include <gmock/gmock.h>

#include <tuple>

#include "api/local/oci_layout.h"
#include "storage/env/clock.h"
#include "tests/unit/local/local_fixture.h"

namespace longshore::tools {
namespace {

namespace fs = std::filesystem;

class copy_session_test : public tests::registry_runner {
 protected:
  void SetUp() override {
    auto made = api::oci_layout::open({.directory = place.path() / "source", .access = api::layout_access::write});
    ASSERT_TRUE(made) << made.error().text;
    for (const char* tag : {"v1", "v2"}) ASSERT_TRUE(get(tests::push_image(**made, "", tag, tag)));
    ASSERT_TRUE(get((*made)->finish()));
  }
  std::string at(const std::string& transport, const std::string& name, const std::string& rest = {}) const {
    return transport + ":" + (place.path() / name).string() + rest;
  }
  result<copy_figures_now> run(std::vector<copy_job> jobs, bool dry_run, std::vector<std::string> tags = {}) {
    outcomes.clear();
    told.clear();
    copy_request request;
    request.jobs = std::move(jobs);
    request.dry_run = dry_run;
    request.tags = tags;
    engine::filter_rules rules;
    rules.tags_include = std::move(tags);
    request.copying.filter =
        std::make_shared<engine::replication_filter>(engine::replication_filter::make(std::move(rules)).value());
    copy_session session(io.get_executor(), clock, std::move(request), [&](const told_outcome& o) {
      outcomes.push_back(o);
      told.push_back(o.source);
    });
    return get(session.run());
  }
  result<copy_figures_now> plan(const std::string& from, const std::string& to) {
    return run({parse_job(from, to).value()}, true);
  }
  void make(const std::string& name, const std::string& tag, const std::string& content) {
    auto made = api::oci_layout::open({.directory = place.path() / name, .access = api::layout_access::write});
    ASSERT_TRUE(made) << made.error().text;
    ASSERT_TRUE(get(tests::push_image(**made, "", tag, content)));
    ASSERT_TRUE(get((*made)->finish()));
  }
  digest digest_at(const std::string& name, const std::string& tag) {
    auto layout = api::oci_layout::open({.directory = place.path() / name, .access = api::layout_access::read});
    return get((*layout)->resolve("", tag)).value().value();
  }
  std::vector<std::string> everything() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(place.path())) names.push_back(entry.path());
    std::ranges::sort(names);
    return names;
  }

  testing::scratch place;
  longshore::system_clock clock;
  std::vector<engine::copy_outcome> outcomes;
  std::vector<std::string> told;  // their sources
};

TEST_F(copy_session_test, a_plan_of_a_copy_to_files_makes_none_and_tells_all_that_would_be_sent) {
  fs::create_directories(place.path() / "empty");
  const auto before = everything();
  for (const std::string& to :
       {at("oci", "new"), at("oci", "above/new"), at("oci", "empty"), at("oci-archive", "new.tar")}) {
    const auto planned = plan(at("oci", "source"), to);
    ASSERT_TRUE(planned) << to << ": " << planned.error().text;
    EXPECT_EQ(planned->run.copied, 2u) << to;
    EXPECT_EQ(planned->run.moved.copied.blobs, 3u) << to << ": a layer each, and the config that they share";
    EXPECT_EQ(everything(), before) << to;
  }
}

TEST_F(copy_session_test, a_plan_sees_what_the_files_hold_and_refuses_what_a_copy_refuses) {
  for (const char* transport : {"oci", "oci-archive"}) {
    const std::string to = at(transport, transport);
    ASSERT_TRUE(run({parse_job(at("oci", "source", ":v1"), to + ":v1").value()}, false));
    const auto before = everything();
    const auto planned = plan(at("oci", "source"), to);
    ASSERT_TRUE(planned) << planned.error().text;
    EXPECT_EQ(planned->run.unchanged, 1u);
    EXPECT_EQ(planned->run.copied, 1u);
    EXPECT_EQ(planned->run.moved.copied.blobs, 1u);
    EXPECT_EQ(everything(), before);
  }
  tests::write_text(place.path() / "home" / "letter", "dear");
  EXPECT_EQ(plan(at("oci", "source"), at("oci", "home")).error().code, errc::invalid);
}

TEST_F(copy_session_test, a_target_that_cannot_be_finished_is_named_and_the_others_are_whole) {
  const fs::path first = place.path() / "a.tar", second = place.path() / "b.tar";
  std::vector<copy_job> jobs;
  for (const fs::path& file : {first, second}) {
    jobs.push_back(parse_job(at("oci", "source"), "oci-archive:" + file.string()).value());
  }
  copy_request request;
  request.jobs = std::move(jobs);
  copy_session session(io.get_executor(), clock, std::move(request), [&](const engine::copy_outcome& o) {
    outcomes.push_back(o);
    // Nothing can be renamed over it.
    if (o.end == engine::copy_end::copied) fs::create_directories(first / "in the way");
  });
  const auto done = get(session.run());
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->run.items, 4u);
  EXPECT_EQ(done->run.copied, 2u);
  EXPECT_EQ(done->run.failed, 2u) << "they are in no archive";
  EXPECT_TRUE(fs::is_regular_file(second));
  const engine::copy_outcome& last = outcomes.back();
  EXPECT_EQ(last.item.repository, "oci-archive:" + first.string());
  ASSERT_TRUE(last.why);
  const std::string mark = "copy it from oci:";
  const std::size_t named = last.why->text.find(mark);
  ASSERT_NE(named, std::string::npos) << last.why->text;
  const std::string kept = last.why->text.substr(named + 13, last.why->text.find(',', named) - named - 13);
  const auto again = run({parse_job(kept, at("oci", "rescued")).value()}, false);
  ASSERT_TRUE(again) << again.error().text;
  EXPECT_EQ(again->run.copied, 2u);
}

TEST_F(copy_session_test, an_archive_is_written_when_something_came_into_it) {
  const auto failed = run({parse_job(at("oci", "source", ":nope"), at("oci-archive", "to.tar", ":v1")).value()}, false);
  ASSERT_TRUE(failed) << failed.error().text;
  EXPECT_EQ(failed->run.failed, 1u);
  for (const std::string& name : everything()) EXPECT_EQ(name.find("to.tar"), std::string::npos) << name;
  const auto job = parse_job(at("oci", "source"), at("oci-archive", "to.tar")).value();
  ASSERT_EQ(run({job}, false)->run.copied, 2u);
  const auto written = fs::last_write_time(place.path() / "to.tar");
  EXPECT_EQ(run({job}, false)->run.unchanged, 2u);
  EXPECT_EQ(fs::last_write_time(place.path() / "to.tar"), written);
}

TEST_F(copy_session_test, an_archive_in_a_directory_that_is_not_there_is_refused_and_nothing_made) {
  const auto before = everything();
  for (const bool dry_run : {true, false}) {
    const auto refused = run({parse_job(at("oci", "source"), at("oci-archive", "abvoe/new.tar")).value()}, dry_run);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().text,
                ::testing::HasSubstr("there is no directory " + (place.path() / "abvoe").string()));
    EXPECT_EQ(everything(), before);
  }
}

TEST_F(copy_session_test, a_source_that_is_away_for_once_does_not_lose_its_tag_to_the_next) {
  make("other", "v1", "another");
  std::vector<copy_job> jobs;
  // What one source brings to one target has its turn with the first of it.
  jobs.push_back(parse_job(at("oci", "source", ":v2"), at("oci", "to", ":v2")).value());
  jobs.push_back(parse_job(at("oci", "other"), at("oci", "to")).value());
  jobs.push_back(parse_job(at("oci", "source", ":v1"), at("oci", "to", ":v1")).value());
  const auto before = run(jobs, false);
  EXPECT_EQ(before->run.copied, 2u);
  EXPECT_EQ(before->run.failed, 1u);
  const auto shown = digest_at("to", "v1");
  EXPECT_EQ(shown, digest_at("source", "v1"));
  fs::rename(place.path() / "source", place.path() / "away");
  const auto done = run(jobs, false);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->run.copied, 0u);
  EXPECT_EQ(done->run.failed, 3u);
  EXPECT_THAT(outcomes.back().why->text, ::testing::HasSubstr("which could not be copied"));
  EXPECT_EQ(digest_at("to", "v1"), shown);
}

TEST_F(copy_session_test, what_comes_from_two_repositories_of_a_source_keeps_that_sources_turn) {
  for (const char* name : {"x", "y", "z"})
    fs::create_directories(place.path() / "st/docker/registry/v2/repositories/" / name);
  fs::create_directories(place.path() / "st/docker/registry/v2/blobs");
  make("other", "v1", "another");
  std::vector<copy_job> jobs;
  jobs.push_back(parse_job(at("distribution", "st", "//x"), at("oci", "to")).value());
  jobs.push_back(parse_job(at("oci", "other"), at("oci", "to")).value());
  jobs.push_back(parse_job(at("distribution", "st", "//y"), at("oci", "to")).value());
  const auto done = run(jobs, false);
  ASSERT_TRUE(done) << done.error().text;
  ASSERT_EQ(told.size(), 3u);
  EXPECT_THAT(told[0], ::testing::HasSubstr("//x"));
  EXPECT_THAT(told[1], ::testing::HasSubstr("//y"));
  EXPECT_THAT(told[2], ::testing::HasSubstr("other"));
}

TEST_F(copy_session_test, what_was_copied_counts_though_another_failed_for_the_same_tag) {
  make("same", "latest", "v1");
  std::vector<copy_job> jobs;
  for (const char* tag : {":v1", ":v2"}) {
    jobs.push_back(parse_job(at("oci", "source", tag), at("oci", "to", ":latest")).value());
  }
  jobs.push_back(parse_job(at("oci", "same"), at("oci", "to")).value());
  const auto done = run(jobs, false);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->run.copied, 1u);
  EXPECT_EQ(done->run.failed, 1u);
  EXPECT_EQ(done->run.unchanged, 1u);
}

TEST_F(copy_session_test, a_digest_may_come_from_whoever_has_it) {
  make("same", "v1", "v1");
  const std::string d = "@" + digest_at("source", "v1").text();
  fs::rename(place.path() / "source", place.path() / "away");
  std::vector<copy_job> jobs;
  for (const char* from : {"source", "same"}) {
    jobs.push_back(parse_job(at("oci", from, d), at("oci", "to", d)).value());
  }
  const auto done = run(jobs, false);
  ASSERT_TRUE(done) << done.error().text;
  EXPECT_EQ(done->run.copied, 1u);
  EXPECT_EQ(done->run.failed, 1u);
}

TEST_F(copy_session_test, of_two_sources_for_one_tag_the_first_keeps_it_and_the_other_must_show_the_same) {
  for (const auto& [name, tag, content] :
       {std::tuple("same", "v1", "v1"), std::tuple("other", "v1", "another"), std::tuple("more", "v3", "third")}) {
    make(name, tag, content);
  }
  std::vector<copy_job> jobs;
  for (const char* from : {"source", "other", "same", "more"}) {
    jobs.push_back(parse_job(at("oci", from), at("oci", "to")).value());
  }
  for (const bool dry_run : {true, false, false}) {
    const auto done = run(jobs, dry_run);
    ASSERT_TRUE(done) << done.error().text;
    EXPECT_EQ(done->run.items, 5u);
    EXPECT_EQ(done->run.failed, 1u);
    EXPECT_EQ(done->run.copied + done->run.unchanged, 4u);
    const auto failed = std::ranges::find(outcomes, engine::copy_end::failed, &engine::copy_outcome::end);
    ASSERT_NE(failed, outcomes.end());
    EXPECT_THAT(failed->why->text, ::testing::HasSubstr("v1 was copied there from " + at("oci", "source")));
  }
  EXPECT_EQ(digest_at("to", "v1"), digest_at("source", "v1"));
}

TEST_F(copy_session_test, files_without_an_image_are_no_source) {
  ASSERT_TRUE(api::oci_layout::open({.directory = place.path() / "empty", .access = api::layout_access::write}));
  for (const bool dry_run : {true, false}) {
    const auto none = run({parse_job(at("oci", "empty"), at("oci", "to")).value()}, dry_run);
    ASSERT_FALSE(none);
    EXPECT_NE(none.error().text.find("holds no image"), std::string::npos) << none.error().text;
    EXPECT_FALSE(fs::exists(place.path() / "to"));
  }
}

TEST_F(copy_session_test, a_repository_that_the_source_lacks_is_named_once_and_as_the_source_has_it) {
  fs::create_directories(place.path() / "storage" / "docker/registry/v2/repositories");
  fs::create_directories(place.path() / "storage" / "docker/registry/v2/blobs");
  const auto done = run({parse_job(at("distribution", "storage", "//nope/app"), at("oci", "to")).value()}, false);
  ASSERT_TRUE(done) << done.error().text;
  ASSERT_EQ(outcomes.size(), 1u);
  ASSERT_TRUE(outcomes[0].why);
  EXPECT_EQ(outcomes[0].item.repository, "nope/app") << "files have no repositories";
  EXPECT_EQ(outcomes[0].why->text, at("distribution", "storage") + ": NAME_UNKNOWN: no repository nope/app");
}

TEST_F(copy_session_test, a_pattern_that_matches_no_tag_is_a_failure_and_makes_no_archive) {
  const auto job = parse_job(at("oci", "source"), at("oci-archive", "none.tar")).value();
  for (const bool dry_run : {true, false}) {
    const auto none = run({job}, dry_run, {"nope*", "semver:>=9"});
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, errc::not_found);
    EXPECT_NE(none.error().text.find("\"nope*\""), std::string::npos) << none.error().text;
  }
  EXPECT_FALSE(fs::exists(place.path() / "none.tar"));
  const auto one = run({job}, false, {"nope*", "v2"});
  ASSERT_TRUE(one) << one.error().text;
  EXPECT_EQ(one->run.copied, 1u);
  EXPECT_EQ(outcomes.back().item.repository, at("oci-archive", "none.tar"));
}

}  // namespace
}  // namespace longshore::tools
