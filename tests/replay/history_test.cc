// What an audit says about the past is what a live site showed then.

#include <gtest/gtest.h>

#include "log/projection.h"
#include "tests/replay/history.h"
#include "tools/offline.h"

namespace longshore::replay {
namespace {

constexpr std::uint64_t histories = 100;
constexpr std::size_t moments_max = 4;  // of one history

struct moment {
  std::uint64_t size = 0;
  timestamp recorded;  // of the newest record then
  dump shown;
  std::vector<engine::desired_item> items;
};

std::vector<engine::desired_item> items_of(const engine::desired& v) {
  std::vector<engine::desired_item> all;
  const auto listed = v.repositories([&](const engine::desired_repository& r) {
    const auto read = v.items(r.name, [&](const engine::desired_item& item) {
      all.push_back(item);
      return true;
    });
    EXPECT_TRUE(read) << read.error().text;
    return true;
  });
  EXPECT_TRUE(listed) << listed.error().text;
  return all;
}

// Appends a random history, and remembers what the live view showed at random moments of it.
std::vector<moment> live(live_site& site, random_source& random) {
  std::vector<moment> moments;
  const std::uint64_t submissions = 5 + random.below(25);
  std::uint64_t number = 0;
  for (std::uint64_t s = 0; s < submissions; ++s) {
    std::vector<log::event> events;
    for (std::uint64_t n = 1 + random.below(12); n > 0; --n) events.push_back(random_event(random, number++));
    site.append(std::move(events));
    if (moments.size() < moments_max && random.below(3) == 0) {
      moments.push_back({site.logs().log->durable_size(), site.now().now(),
                         dump_of(*site.store().db, *site.logs().desired), items_of(*site.logs().desired)});
    }
    site.now().advance_us(static_cast<std::int64_t>(1 + random.below(5'000'000)));
  }
  return moments;
}

dump replayed(const log::event_log& log, std::uint64_t size) {
  static std::uint64_t number = 0;
  const scratch_directory scratch("fold-" + std::to_string(number++));
  auto db = storage::database::open({.path = scratch.path() / "db", .families = engine::desired::family_specs()});
  EXPECT_TRUE(db) << db.error().text;
  engine::desired view(**db);
  const auto folded = log::replay(log, **db, view, size);
  EXPECT_TRUE(folded) << folded.error().text;
  return dump_of(**db, view);
}

// What `longshore audit state --at` prints.
std::vector<engine::desired_item> audited(const log::event_log& log, std::uint64_t size) {
  std::vector<engine::desired_item> all;
  const auto told = tools::state_at(log, size, {}, [&](const engine::desired_item& i) { all.push_back(i); }, {});
  EXPECT_TRUE(told) << told.error().text;
  return all;
}

TEST(history, the_state_at_any_moment_is_what_a_live_site_showed_then) {
  std::uint64_t compared = 0;
  for (std::uint64_t seed = 1; seed <= histories; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const scratch_directory directory("history");
    live_site site(directory.path());
    seeded_random random(seed);
    const std::vector<moment> moments = live(site, random);
    for (const moment& m : moments) {
      const log::event_log& log = *site.logs().log;
      if (&m == &moments.back()) {
        ASSERT_EQ(replayed(log, m.size), m.shown) << "at size " << m.size;
      }
      ASSERT_EQ(audited(log, m.size), m.items) << "at size " << m.size;
      const auto by_time = log.size_at(m.recorded);
      ASSERT_TRUE(by_time) << by_time.error().text;
      ASSERT_EQ(*by_time, m.size) << "the moment found by its time is another one";
      ++compared;
    }
  }
  EXPECT_GT(compared, 2 * histories);
}

TEST(history, an_earlier_moment_shows_another_state) {
  const scratch_directory directory("history");
  live_site site(directory.path());
  seeded_random random(7);
  std::vector<log::event> events;
  for (std::uint64_t n = 0; n < 200; ++n) events.push_back(random_event(random, n));
  site.append(std::move(events));
  const log::event_log& log = *site.logs().log;
  EXPECT_NE(replayed(log, log.durable_size()), replayed(log, log.durable_size() / 2));
}

TEST(history, a_rebuilt_view_has_the_bytes_that_folding_along_gave) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const scratch_directory directory("history");
    live_site site(directory.path());
    seeded_random random(1'000 + seed);
    live(site, random);
    const auto before = log::view_digest(*site.logs().log, *site.logs().desired);
    const auto done = log::rebuild(*site.logs().log, *site.logs().desired);
    ASSERT_TRUE(done) << done.error().text;
    const auto after = log::view_digest(*site.logs().log, *site.logs().desired);
    ASSERT_TRUE(before && after);
    EXPECT_EQ(*before, *after) << "seed " << seed;
  }
}

}  // namespace
}  // namespace longshore::replay
