#include "engine/silence.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>

namespace longshore::engine {
namespace {

namespace asio = boost::asio;

class silence_test : public testing::Test {
 protected:
  bool fail(errc with) {
    auto goes_on = asio::co_spawn(
        io_,
        [this, with]() -> asio::awaitable<bool> {
          co_return co_await silence_.goes_on_without(with, [this]() -> asio::awaitable<bool> {
            ++asked_;
            co_return is_there_;
          });
        },
        asio::use_future);
    io_.restart();
    io_.run();
    return goes_on.get();
  }
  // How many failures of these go by before it is over; at most `most`.
  int failures_until_over(errc with, int most) {
    for (int n = 1; n <= most; ++n) {
      if (!fail(with)) return n;
    }
    return 0;
  }

  asio::io_context io_;
  silence silence_;
  bool is_there_ = false;
  int asked_ = 0;
};

TEST_F(silence_test, a_registry_that_is_away_is_asked_so_many_questions_and_the_control_question) {
  for (const errc with : {errc::unavailable, errc::timed_out, errc::throttled, errc::unauthorized, errc::denied,
                          errc::corrupt, errc::rejected}) {
    silence_ = {};
    asked_ = 0;
    EXPECT_EQ(failures_until_over(with, 100), silence::failures_max) << name_of(with);
    EXPECT_EQ(asked_, 1);
    EXPECT_FALSE(fail(with)) << "asked beside the one that ended it";
  }
}

TEST_F(silence_test, a_registry_that_answers_the_control_question_is_asked_on) {
  is_there_ = true;
  EXPECT_EQ(failures_until_over(errc::unavailable, 10 * silence::failures_max), 0);
  EXPECT_EQ(asked_, 10);
  is_there_ = false;
  EXPECT_EQ(failures_until_over(errc::unavailable, 100), silence::failures_max);
}

TEST_F(silence_test, an_answer_begins_the_count_anew) {
  for (int n = 0; n < 100; ++n) {
    EXPECT_EQ(failures_until_over(errc::unavailable, silence::failures_max - 1), 0);
    silence_.broken();
  }
  EXPECT_EQ(asked_, 0);
}

TEST_F(silence_test, a_trouble_of_this_site_ends_it_at_once) {
  is_there_ = true;
  for (const errc with : {errc::stopped, errc::io_failed, errc::unknown_outcome}) EXPECT_FALSE(fail(with));
  EXPECT_EQ(asked_, 0);
}

}  // namespace
}  // namespace longshore::engine
