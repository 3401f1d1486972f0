#include "tools/primary.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <future>

#include "tests/unit/tools/site_fixture.h"

namespace longshore::tools {
namespace {

using namespace std::chrono_literals;

class primary_test : public site_fixture {
 protected:
  void SetUp() override {
    store_.emplace(open_site_store(site_path(), store_access::create).value());
    logs_ = open_site_logs(*store_).value();
    log_ = *log::sequencer::start(*logs_.log, {logs_.desired.get(), logs_.heard.get()}, clock_, {});
    journal_ = *log::sequencer::start(*logs_.journal, {logs_.reconciled.get()}, clock_, {});
    config_.site.name = "here";
    for (const char* name : {"east", "north"}) {
      source_settings s;
      s.name = name;
      s.token = std::string(name) + "-token";
      // Nothing listens on the discard port of this machine's loopback: each look waits, and asks again.
      s.registry.emplace().url = "http://127.0.0.1:9";
      config_.sources.push_back(std::move(s));
    }
    limits_ = std::make_unique<registry_limits>(loop_.get_executor(), clock_, config_);
    primary_ = primary::create(loop_.get_executor(), {logs_, *log_, *journal_, clock_, *limits_}, config_).value();
  }
  void TearDown() override {
    primary_.reset();
    log_->stop();
    journal_->stop();
  }
  void say(const std::string& source, const std::string& instance, int count) {
    std::vector<log::event> events;
    for (int i = 0; i < count; ++i) {
      log::event e = push("team/app", "v1", digest_text('a'));
      e.origin = source;
      e.instance = instance;
      e.id = source + std::to_string(said_++);
      events.push_back(std::move(e));
    }
    std::promise<bool> done;
    ASSERT_TRUE(log_->submit(std::move(events), [&](result<log::append_outcome> r) { done.set_value(r.has_value()); }));
    ASSERT_TRUE(done.get_future().get());
  }
  template <class F>
  void run_until(F condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) loop_.run_one_for(50ms);
    ASSERT_TRUE(condition());
  }

  longshore::system_clock clock_;
  config config_;
  boost::asio::io_context loop_{1};
  std::optional<site_store> store_;
  site_logs logs_;
  std::unique_ptr<log::sequencer> log_, journal_;
  std::unique_ptr<registry_limits> limits_;
  std::unique_ptr<primary> primary_;
  int said_ = 0;
};

TEST_F(primary_test, an_orderly_stop_leaves_no_source_looking_lost) {
  ASSERT_TRUE(primary_->start());
  run_until([&] {
    const auto all = primary_->status();
    return all.size() == 2 && std::ranges::all_of(all, [](const auto& s) { return s.running.has_value(); });
  });
  auto stopped = boost::asio::co_spawn(loop_, primary_->stop(), boost::asio::use_future);
  run_until([&] { return stopped.wait_for(0s) == std::future_status::ready; });
  for (const auto& s : primary_->status()) EXPECT_EQ(s.halted, "") << s.source;
  for (const char* name : {"east", "north"}) {
    const auto known = logs_.reconciled->source(name);
    ASSERT_TRUE(known && *known) << name;
    EXPECT_FALSE((*known)->watched) << name << ": the next start would suspect a loss";
    EXPECT_EQ((*known)->suspected, "") << name;
  }
}

TEST_F(primary_test, a_quiet_source_is_known_again_after_a_restart) {
  say("east", "e1", 1);
  for (int i = 0; i < 5; ++i) say("north", "n1", 1'000);
  auto aside = log::quarantine::open(*store_->db).value();
  api::blocking_pool pool(1);
  api::ingest incoming(api::ingest_world{*log_, *aside, pool, clock_, {}, {}, *logs_.log, *logs_.desired}, {});
  for (const auto& s : config_.sources) incoming.add_source(s.name, s.token);
  ASSERT_TRUE(primary_->attach(incoming));
  const api::source_stats& east = incoming.stats().sources.at(0);
  EXPECT_EQ(east.instances, std::vector<std::string>{"e1"});
  EXPECT_EQ(east.last_seq, event_seq{0});
  EXPECT_EQ(incoming.stats().sources.at(1).last_seq, event_seq{5'000});
}

}  // namespace
}  // namespace longshore::tools
