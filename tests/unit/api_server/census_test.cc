#include "api/census.h"

#include <condition_variable>
#include <mutex>

#include "tests/unit/api_server/site_fixture.h"

namespace longshore::api {
namespace {

class census_test : public site_test {
 protected:
  std::string scrape() {
    const raw_answer a = connect().ask(get("/metrics", ""));
    EXPECT_EQ(a.status, 200);
    return a.body;
  }
  bool tells_pending(int repositories) {
    return scrape().find("longshore_repositories{state=\"pending\"} " + std::to_string(repositories) + "\n") !=
           std::string::npos;
  }
};

// Holds up a count, which asks for each repository whether it is left out; not for ever, so that a defect fails.
class barrier {
 public:
  std::optional<std::string> pass(std::string_view) {
    std::unique_lock lock(mutex_);
    ++counts_;
    opened_.wait_for(lock, std::chrono::seconds(10), [&] { return open_; });
    return std::nullopt;
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    opened_.notify_all();
  }
  int counts() {
    const std::scoped_lock lock(mutex_);
    return counts_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool open_ = false;
  int counts_ = 0;
};

TEST_F(census_test, a_count_is_told_for_a_few_seconds_and_then_made_anew) {
  open();
  append({push_of("a", 1)});
  EXPECT_TRUE(tells_pending(1));
  append({push_of("b", 1)});
  now_.advance_us(4'999'999);
  EXPECT_TRUE(tells_pending(1));
  EXPECT_NE(scrape().find("longshore_log_size 2\n"), std::string::npos) << "what costs nothing is as it is now";
  now_.advance_us(1);
  EXPECT_TRUE(tells_pending(2));
  append({push_of("c", 1)});
  now_.advance_us(-3'600'000'000);
  EXPECT_TRUE(tells_pending(3)) << "a clock that was set back holds nothing up";
}

TEST_F(census_test, scrapers_at_once_share_one_count_and_do_not_hold_up_what_must_become_durable) {
  constexpr int scrapers = 8;
  barrier held;
  left_out_ = [&](std::string_view name) { return held.pass(name); };
  open();
  append({push_of("a", 1)});
  std::vector<std::thread> all;
  for (int i = 0; i < scrapers; ++i) all.emplace_back([&] { EXPECT_TRUE(tells_pending(1)); });
  await([&] { return server_->counters().requests >= scrapers; });
  while (held.counts() == 0) std::this_thread::yield();
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_EQ(connect().ask(post("/v1/events/north", "north-token", "{broken")).status, 202);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(5)) << "quarantined beside the count";
  EXPECT_EQ(connect().ask(get("/v1/log/events", "south-token")).status, 200);
  held.open();
  for (std::thread& t : all) t.join();
  EXPECT_EQ(held.counts(), 1);
}

}  // namespace
}  // namespace longshore::api
