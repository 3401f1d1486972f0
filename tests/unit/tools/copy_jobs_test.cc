#include "tools/copy_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/scratch.h"

namespace longshore::tools {
namespace {

using ::testing::HasSubstr;

std::string refusal(const std::string& from, const std::string& to) {
  const auto job = parse_job(from, to);
  return job ? "taken" : job.error().text;
}

TEST(copy_jobs, an_image_a_repository_and_a_registry_are_told_apart) {
  auto image = parse_job("docker://a.example/x:1", "docker://b.example/y:2");
  ASSERT_TRUE(image);
  EXPECT_FALSE(image->from.many);
  EXPECT_EQ(image->from.at.tag, "1");
  EXPECT_EQ(image->to.at.repository, "y");
  auto repository = parse_job("docker://a.example/x", "docker://b.example/y");
  ASSERT_TRUE(repository);
  EXPECT_FALSE(repository->from.at.tag);
  auto registry = parse_job("docker://a.example", "docker://b.example");
  ASSERT_TRUE(registry);
  EXPECT_TRUE(registry->from.many);
  EXPECT_EQ(registry->from.repositories, "**");
  EXPECT_TRUE(registry->to.many);
  EXPECT_EQ(registry->to.repositories, "");
}

TEST(copy_jobs, a_glob_chooses_repositories_and_a_slash_at_the_end_is_a_prefix) {
  auto job = parse_job("docker://a.example:5000/team/*", "docker://b.example/mirror/");
  ASSERT_TRUE(job) << job.error().text;
  EXPECT_EQ(job->from.repositories, "team/*");
  EXPECT_EQ(job->from.at.location, "a.example:5000");
  EXPECT_EQ(job->to.repositories, "mirror");
}

TEST(copy_jobs, one_repository_into_a_registry_keeps_its_name) {
  EXPECT_EQ(parse_job("docker://a.example/team/x:1", "docker://b.example")->to.at.repository, "team/x");
  EXPECT_EQ(parse_job("docker://a.example/team/x:1", "docker://b.example/m/")->to.at.repository, "m/team/x");
}

TEST(copy_jobs, one_password_does_not_go_to_two_registries) {
  std::vector<copy_job> jobs;
  for (const char* from : {"docker://a.example/x:1", "docker://a.example/y", "oci:dir:1", "docker://b.example/x"}) {
    jobs.push_back(parse_job(from, "docker://c.example/z").value());
  }
  EXPECT_TRUE(check_one_registry(jobs, &copy_job::to, "--dst-user"));
  const auto refused = check_one_registry(jobs, &copy_job::from, "--src-user");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::invalid);
  for (const char* named : {"--src-user", "a.example", "b.example"}) {
    EXPECT_THAT(refused.error().text, HasSubstr(named));
  }
  jobs.pop_back();
  EXPECT_TRUE(check_one_registry(jobs, &copy_job::from, "--src-user"));
}

TEST(copy_jobs, what_does_not_fit_is_refused_with_what_to_write) {
  EXPECT_THAT(refusal("docker://a.example", "docker://b.example/y"), HasSubstr("docker://b.example"));
  EXPECT_THAT(refusal("docker://a.example/x", "docker://b.example/y:1"), HasSubstr("tag"));
  EXPECT_THAT(refusal("docker://a.example/x:1", "distribution:/srv//y"), HasSubstr("only be a source"));
  EXPECT_THAT(refusal("docker://a.example", "oci:dir"), HasSubstr("docker://HOST"));
  EXPECT_THAT(refusal("oci:dir:1", "docker://b.example"), HasSubstr("no repository"));
  EXPECT_THAT(refusal("docker://a.example/x:1", "docker://b.example/UP/"), HasSubstr("UP"));
  EXPECT_NE(refusal("docker://", "docker://b.example/x"), "taken");
  EXPECT_NE(refusal("", ""), "taken");
}

TEST(copy_jobs, a_file_has_a_pair_a_line_and_a_bad_line_is_named) {
  const testing::scratch dir;
  const auto file = dir.path() / "jobs";
  std::ofstream(file)
      << "# all of it\n\ndocker://a.example/x docker://b.example/x\n  oci:d:1   docker://b.example/z:1  # one of it\n";
  const auto jobs = read_jobs(file);
  ASSERT_TRUE(jobs) << jobs.error().text;
  EXPECT_EQ(jobs->size(), 2u);
  std::ofstream(file) << "docker://a.example/x docker://b.example/x\ndocker://a.example/x\n";
  EXPECT_THAT(read_jobs(file).error().text, HasSubstr("jobs:2:"));
  std::ofstream(file) << "# nothing\n";
  EXPECT_THAT(read_jobs(file).error().text, HasSubstr("nothing to copy"));
  EXPECT_EQ(read_jobs(dir.path() / "absent").error().code, errc::not_found);
}

}  // namespace
}  // namespace longshore::tools
