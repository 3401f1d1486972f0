#include "engine/loss_signs.h"

#include <gtest/gtest.h>

#include "engine/journal_records.h"

namespace longshore::engine {
namespace {

class loss_signs_test : public ::testing::Test {
 protected:
  void lost(const std::string& repository) { signs_.note({record::lost(repository, digest::of("x"))}, now_); }
  void missing(const std::string& repository, const std::string& kind = "missing_blob") {
    desired_item item;
    item.repository = repository;
    item.ref = "v1";
    signs_.note({record::lost(repository, digest::of("x")), record::mismatched(item, kind, "why")}, now_);
  }
  std::optional<std::string> due() { return signs_.due(now_); }

  loss_signs signs_;
  timestamp now_{1'790'000'000'000'000};
};

TEST_F(loss_signs_test, what_a_pass_missed_has_its_repository_verified_once) {
  EXPECT_FALSE(due());
  lost("a");
  lost("a");
  ASSERT_EQ(due(), "a");
  EXPECT_NE(signs_.reason(), "");
  signs_.began("a", now_);
  signs_.ended("a", true, now_);
  EXPECT_EQ(signs_.reason(), "") << "its garbage was collected, no more";
  lost("a");
  EXPECT_FALSE(due());
  now_.us += loss_signs::again_us;
  EXPECT_EQ(due(), "a");
}

TEST_F(loss_signs_test, a_loss_that_a_verification_confirms_has_all_verified) {
  lost("a");
  signs_.began("a", now_);
  missing("a");
  signs_.ended("a", true, now_);
  ASSERT_EQ(due(), "");
  EXPECT_NE(signs_.reason(), "");
  signs_.began("", now_);
  missing("c");
  EXPECT_FALSE(due());
  signs_.ended("", true, now_);
  EXPECT_FALSE(due());
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, a_sign_while_all_are_verified_stands_after_it) {
  lost("a");
  missing("a");
  ASSERT_EQ(due(), "");
  signs_.began("", now_);
  lost("b");
  lost("c");
  missing("c");
  missing("d");
  lost("d");
  EXPECT_FALSE(due());
  signs_.ended("", true, now_);
  EXPECT_EQ(due(), "b");
  EXPECT_NE(signs_.reason().find("content of b "), std::string::npos);
  signs_.began("b", now_);
  signs_.ended("b", true, now_);
  EXPECT_FALSE(due()) << "what was mended there was looked at";
}

TEST_F(loss_signs_test, what_this_site_deletes_is_no_sign) {
  signs_.note({record::lost_on_purpose("a", digest::of("x"))}, now_);
  signs_.note({record::content_doubted("a", digest::of("x"))}, now_);
  EXPECT_FALSE(due());
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, several_signs_have_each_repository_verified_and_a_confirmed_one_all) {
  lost("a");
  lost("b");
  ASSERT_EQ(due(), "a");
  signs_.began("a", now_);
  signs_.ended("a", true, now_);
  ASSERT_EQ(due(), "b");
  signs_.began("b", now_);
  missing("b");
  signs_.ended("b", true, now_);
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, one_loss_that_a_verification_finds_is_mended_and_several_have_all_verified) {
  missing("a");
  EXPECT_FALSE(due());
  missing("b", "other_digest");
  missing("b", "wrong_bytes");
  EXPECT_FALSE(due());
  missing("b", "missing_tag");
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, a_verification_that_could_not_look_comes_again_in_its_time) {
  signs_.note_all_gone("it is empty", now_);
  ASSERT_EQ(due(), "");
  signs_.began("", now_);
  signs_.ended("", false, now_);
  EXPECT_EQ(signs_.reason(), "it is empty");
  EXPECT_FALSE(due());
  now_.us += loss_signs::again_us;
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, one_loss_that_was_mended_is_not_suspected_for_ever) {
  missing("a");
  EXPECT_FALSE(due());
  now_.us += 48 * loss_signs::again_us;
  EXPECT_FALSE(due());
  EXPECT_EQ(signs_.reason(), "") << "nothing will ever be verified for it, and status warns";
  missing("b");
  EXPECT_FALSE(due()) << "another single one, two days later";
}

TEST_F(loss_signs_test, what_one_repository_never_answers_has_not_all_verified_every_hour_for_ever) {
  signs_.note_all_gone("it is empty", now_);
  int runs = 0;
  for (int hour = 0; hour < 48; ++hour, now_.us += loss_signs::again_us) {
    if (due() != "") continue;
    ++runs;
    signs_.began("", now_);
    signs_.ended("", false, now_);  // c has a tag that the source answers with 500: unknown_repositories is 1 each time
  }
  EXPECT_LE(runs, 5);
}

}  // namespace
}  // namespace longshore::engine
