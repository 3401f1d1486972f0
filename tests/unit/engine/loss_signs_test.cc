#include "engine/loss_signs.h"

#include <gtest/gtest.h>

#include <set>

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
  void began(const std::string& repository, timestamp now) {
    began_ = signs_.now();
    signs_.began(repository, now);
  }
  void ended(std::vector<std::string> globs, loss_signs::names not_compared = {}) {
    signs_.ended({std::move(globs), began_, std::move(not_compared)}, now_);
  }
  std::optional<std::string> due() { return signs_.due(now_); }

  loss_signs signs_;
  loss_signs::moment began_{};
  timestamp now_{1'790'000'000'000'000};
};

TEST_F(loss_signs_test, what_a_pass_missed_has_its_repository_verified_once) {
  EXPECT_FALSE(due());
  lost("a");
  lost("a");
  ASSERT_EQ(due(), "a");
  EXPECT_NE(signs_.reason(), "");
  began("a", now_);
  ended({"a"});
  EXPECT_EQ(signs_.reason(), "") << "its garbage was collected, no more";
  lost("a");
  EXPECT_FALSE(due());
  now_.us += loss_signs::again_us;
  EXPECT_EQ(due(), "a");
}

TEST_F(loss_signs_test, a_loss_that_a_verification_confirms_has_all_verified) {
  lost("a");
  began("a", now_);
  missing("a");
  ended({"a"});
  ASSERT_EQ(due(), "");
  EXPECT_NE(signs_.reason(), "");
  began("", now_);
  missing("c");
  ended({});
  EXPECT_FALSE(due());
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, a_sign_while_all_are_verified_stands_after_it) {
  lost("a");
  missing("a");
  ASSERT_EQ(due(), "");
  began("", now_);
  lost("b");
  lost("c");
  missing("c");
  missing("d");
  lost("d");
  ended({});
  EXPECT_EQ(due(), "b");
  EXPECT_NE(signs_.reason().find("content of b "), std::string::npos);
  began("b", now_);
  ended({"b"});
  lost("d");
  EXPECT_FALSE(due()) << "that is being mended";
  now_.us += loss_signs::again_us;
  lost("d");
  EXPECT_EQ(due(), "d");
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
  began("a", now_);
  ended({"a"});
  ASSERT_EQ(due(), "b");
  began("b", now_);
  missing("b");
  ended({"b"});
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
  signs_.note_all_gone("it is empty");
  ASSERT_EQ(due(), "");
  began("", now_);
  signs_.failed("");
  EXPECT_EQ(signs_.reason(), "it is empty");
  EXPECT_FALSE(due());
  now_.us += loss_signs::again_us;
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, one_loss_that_is_being_mended_is_no_suspicion) {
  missing("a");
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, each_of_many_signs_has_its_repository_verified) {
  for (int n = 100; n < 200; ++n) lost("r" + std::to_string(n));
  std::set<std::string> verified;
  while (const auto next = due()) {
    ASSERT_TRUE(verified.insert(*next).second) << *next;
    began(*next, now_);
    ended({*next});
  }
  EXPECT_EQ(verified.size(), 100u);
}

TEST_F(loss_signs_test, more_signs_than_are_remembered_have_all_verified) {
  for (std::size_t n = 0; n <= loss_signs::names_max; ++n) lost("r" + std::to_string(n));
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, losses_that_wait_for_another_verification_are_not_forgotten) {
  missing("a");
  missing("b");
  ASSERT_EQ(due(), "");
  now_.us += 2 * loss_signs::again_us;
  signs_.note({}, now_);
  EXPECT_EQ(due(), "") << signs_.reason();
}

TEST_F(loss_signs_test, what_was_verified_for_somebody_else_is_no_sign_any_more) {
  lost("team/a");
  lost("b");
  began_ = signs_.now();
  ended({"team/*"});
  EXPECT_EQ(due(), "b");
  ended({});
  EXPECT_FALSE(due());
}

TEST_F(loss_signs_test, what_could_not_be_compared_stays_suspected_by_itself) {
  signs_.note_all_gone("it is empty");
  began("", now_);
  ended({}, {"b"});
  for (int tries = 1; tries < loss_signs::tries_max; ++tries) {
    ASSERT_EQ(due(), "b");
    began("b", now_);
    ended({"b"}, {"b"});
    EXPECT_FALSE(due());
    now_.us += loss_signs::again_us;
  }
  EXPECT_FALSE(due());
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, what_was_lost_while_all_were_verified_has_all_verified_again) {
  began("", now_);
  signs_.note_all_gone("it is empty");
  ended({});
  EXPECT_EQ(signs_.reason(), "it is empty");
  now_.us += loss_signs::again_us;
  ASSERT_EQ(due(), "");
  began("", now_);
  ended({});
  EXPECT_EQ(signs_.reason(), "");
}

TEST_F(loss_signs_test, a_clock_that_was_set_back_keeps_nothing_from_being_verified) {
  lost("a");
  began("a", now_);
  now_.us -= 48 * loss_signs::again_us;
  EXPECT_EQ(due(), "a");
}

TEST_F(loss_signs_test, a_clock_that_was_set_back_a_little_forgets_no_loss) {
  missing("a");
  now_.us -= 1'000;
  missing("b");
  EXPECT_EQ(due(), "");
}

TEST_F(loss_signs_test, a_clock_that_was_set_back_makes_nobody_deaf_to_what_is_lost) {
  lost("a");
  began("a", now_);
  missing("a");
  ended({"a"});
  began("", now_);
  missing("c");
  ended({});
  ASSERT_FALSE(due());
  now_.us -= 48 * loss_signs::again_us;
  due();
  now_.us += 2 * loss_signs::again_us;
  due();
  lost("c");
  EXPECT_TRUE(due());
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
  signs_.note_all_gone("it is empty");
  int runs = 0;
  for (int hour = 0; hour < 48; ++hour, now_.us += loss_signs::again_us) {
    if (due() != "") continue;
    ++runs;
    began("", now_);
    signs_.failed("");  // c has a tag that the source answers with 500: unknown_repositories is 1 each time
  }
  EXPECT_LE(runs, 5);
}

}  // namespace
}  // namespace longshore::engine
