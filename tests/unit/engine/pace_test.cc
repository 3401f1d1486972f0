#include "engine/pace.h"

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

class pace_test : public engine_world {
 protected:
  // What the last turn waited, in ms.
  std::int64_t waited(pace& of, std::uint64_t units = 1) {
    pauses_.asked.clear();
    EXPECT_TRUE(run(of.turn(units)).has_value());
    return pauses_.asked.empty() ? 0 : pauses_.asked.front();
  }
};

TEST_F(pace_test, turns_come_at_the_rate_and_each_waits_for_what_the_one_before_it_took) {
  pace p(pauses_, clock_, 10);
  EXPECT_EQ(waited(p), 0);
  EXPECT_EQ(waited(p), 100);
  EXPECT_EQ(waited(p, 20), 100);
  EXPECT_EQ(waited(p), 2'000);
}

TEST_F(pace_test, without_a_rate_nobody_waits_unless_the_registry_asked_for_it) {
  pace p(pauses_, clock_, 0);
  EXPECT_EQ(waited(p, 1'000'000'000), 0);
  EXPECT_EQ(waited(p, 1'000'000'000), 0);
  p.hold(700);
  EXPECT_EQ(waited(p), 700);
  EXPECT_EQ(waited(p), 0);
}

TEST_F(pace_test, a_clock_that_is_set_back_delays_nobody_by_more_than_five_minutes) {
  pace p(pauses_, clock_, 1'000);
  EXPECT_EQ(waited(p, 1'000), 0);
  clock_.advance_us(-3'600'000'000);
  EXPECT_EQ(waited(p), 300'000);
  EXPECT_EQ(waited(p), 1);
}

TEST_F(pace_test, after_a_stop_no_turn_is_given) {
  pace p(pauses_, clock_, 1);
  EXPECT_EQ(waited(p), 0);
  pauses_.stop();
  const auto turn = run(p.turn());
  ASSERT_FALSE(turn.has_value());
  EXPECT_EQ(turn.error().code, errc::stopped);
}

}  // namespace
}  // namespace longshore::engine
