// Whose state a secondary's journal is.

#include "tools/secondary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <boost/asio.hpp>
#include <chrono>
#include <sstream>

#include "engine/journal_records.h"
#include "tests/unit/tools/site_fixture.h"
#include "tools/last_contact.h"

namespace longshore::tools {
namespace {

namespace asio = boost::asio;

using ::testing::AllOf;
using ::testing::HasSubstr;

class secondary_test : public site_fixture {
 protected:
  void SetUp() override { append({push("team/app", "v1", digest_text('a')), push("base", "v1", digest_text('b'))}); }

  void open() {
    store_.emplace(open_site_store(site_path(), store_access::create).value());
    logs_ = open_site_logs(*store_).value();
    log_ = *log::sequencer::start(*logs_.log, {logs_.desired.get(), logs_.heard.get()}, now, {});
    journal_ = *log::sequencer::start(
        *logs_.journal,
        {logs_.actual.get(), logs_.locations.get(), logs_.uploads.get(), logs_.reconciled.get(), logs_.target.get()},
        now, {});
  }
  void stop() {
    log_.reset();
    journal_.reset();
    logs_ = {};
    store_.reset();
  }
  // Whether a site with this target is made, in a process of its own; the logs stay open.
  static config config_of(const std::string& primary, const std::string& target) {
    config c;
    c.site.name = "here";
    c.site.role = site_role::secondary;
    c.primary.emplace().url = primary;
    c.primary->token = "follower-token";
    c.source_registry.emplace().url = "http://127.0.0.1:9";
    c.target_registry.emplace().url = target;
    return c;
  }
  result<void> start(const std::string& target, target_trust trust = target_trust::journaled) {
    stop();
    open();
    const config c = config_of("http://127.0.0.1:9", target);
    registry_limits limits(loop_.get_executor(), now, c);
    auto made = secondary::create(loop_.get_executor(), {logs_, *log_, *journal_, now, limits}, c, trust);
    return made ? result<void>() : std::unexpected(made.error());
  }
  void write(std::vector<log::event> events) {
    std::promise<bool> done;
    ASSERT_TRUE(journal_->submit(std::move(events), [&](const auto& r) { done.set_value(r.has_value()); }));
    ASSERT_TRUE(done.get_future().get());
  }
  // team/app is synced, its blob is there, another one is on its way, and one is doubted.
  void bring() {
    engine::desired_item item{.repository = "team/app", .ref = "v1", .digest = digest_text('a')};
    write(
        {engine::record::sync_started("team/app"), engine::record::published(item, content('a')),
         engine::record::located("team/app", content('c'), 7),
         engine::record::content_doubted("team/app", content('c')), engine::record::sync_succeeded("team/app", 2),
         engine::record::upload_opened({"team/app", digest_text('d'), 9, 0, {"http://127.0.0.1:5001/u", "", ""}, {}})});
  }
  static digest content(char fill) { return digest::parse(digest_text(fill)).value(); }
  bool holds(char fill) { return logs_.locations->holds("team/app", digest_text(fill)).value(); }

  boost::asio::io_context loop_{1};
  std::optional<site_store> store_;
  site_logs logs_;
  std::unique_ptr<log::sequencer> log_, journal_;
};

TEST_F(secondary_test, what_was_brought_to_one_target_is_not_believed_of_another) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  const auto refused = start("http://127.0.0.1:5002");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, errc::conflict);
  EXPECT_THAT(refused.error().text,
              AllOf(HasSubstr("127.0.0.1:5001"), HasSubstr("127.0.0.1:5002"), HasSubstr("serve --new-target")));
  EXPECT_FALSE(start("http://127.0.0.1:5002")) << "being told once is not agreeing";
}

TEST_F(secondary_test, the_old_target_is_taken_up_again_as_it_was) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  ASSERT_FALSE(start("http://127.0.0.1:5002"));
  ASSERT_TRUE(start("http://127.0.0.1:5001/"));
  EXPECT_TRUE(holds('a') && holds('c'));
  EXPECT_EQ(logs_.uploads->list(9).value().size(), 1u);
}

TEST_F(secondary_test, of_a_new_target_nothing_is_believed_and_everything_is_open) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  ASSERT_TRUE(start("http://127.0.0.1:5002", target_trust::renewed));
  EXPECT_FALSE(holds('a') || holds('c'));
  EXPECT_TRUE(logs_.uploads->list(9).value().empty());
  const auto done = logs_.actual->repository("team/app").value();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->state, engine::sync_state::pending);
  EXPECT_EQ(done->synced_size, 0u);
  EXPECT_EQ(done->doubted, 0u) << "the wrong bytes stayed behind";
  EXPECT_TRUE(start("http://127.0.0.1:5002")) << "and is no news at the next start";
  EXPECT_FALSE(start("http://127.0.0.1:5001"));
}

TEST_F(secondary_test, beginning_anew_says_what_is_forgotten) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  std::ostringstream said;
  const auto before = spdlog::default_logger();
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::ostream_sink_mt>(said)));
  const auto started = start("http://127.0.0.1:5002", target_trust::renewed);
  spdlog::set_default_logger(before);
  ASSERT_TRUE(started);
  EXPECT_THAT(said.str(), AllOf(HasSubstr("127.0.0.1:5001 is forgotten"),
                                HasSubstr("repositories: 2, upload sessions: 1"), HasSubstr("compared anew")));
}

TEST_F(secondary_test, a_verification_of_the_old_target_is_none_of_the_new_one) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  write({engine::record::verified("team/app", "v1", content('a')),
         engine::record::repository_verified("team/app", digest_text('e'), 1, 0),
         engine::record::deletes_allowed("team/app")});
  ASSERT_GT(logs_.actual->repository("team/app").value()->verified_at.us, 0);
  ASSERT_TRUE(start("http://127.0.0.1:5002", target_trust::renewed));
  const auto done = logs_.actual->repository("team/app").value();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->verified_at.us, 0) << "nobody has looked at the new target yet";
  EXPECT_EQ(done->checksum, "") << "status shows it as verified_checksum of what the target showed";
  EXPECT_EQ(done->last_synced_at.us, 0);
  EXPECT_FALSE(done->deletes_allowed) << "they were allowed at the old one";
  EXPECT_EQ(logs_.actual->item("team/app", "v1").value()->verified_at.us, 0);
}

// Takes so many submissions, and then no more.
class ends_after final : public log::appender {
 public:
  ends_after(log::appender& to, int submissions) : to_(&to), left_(submissions) {}
  result<void> submit(std::vector<log::event> events, log::on_appended done) override {
    if (left_-- <= 0) return fail(errc::stopped, "killed");
    return to_->submit(std::move(events), std::move(done));
  }
  result<void> submit_copy(event_seq, std::vector<std::string>, const hash256&, log::on_appended) override {
    return fail(errc::unsupported, "no copy");
  }

 private:
  log::appender* to_;
  int left_;
};

TEST_F(secondary_test, a_renewal_that_was_cut_short_is_taken_up_by_the_next_start) {
  constexpr int repositories = 150;  // more than two batches
  const auto name = [](int n) { return "many/r" + std::to_string(n); };
  for (int cut = 0;; ++cut) {
    SCOPED_TRACE(cut);
    ASSERT_TRUE(start("http://127.0.0.1:5001"));
    for (int n = 0; n < repositories; ++n) {
      write({engine::record::sync_started(name(n)), engine::record::sync_succeeded(name(n), 2)});
    }
    ends_after until(*journal_, cut);
    const bool done = claim_target(logs_, until, "here", "127.0.0.1:5001", target_trust::renewed).has_value();
    ASSERT_TRUE(start("http://127.0.0.1:5001"));
    int believed = 0;
    for (int n = 0; n < repositories; ++n) {
      if (logs_.actual->repository(name(n)).value()->state == engine::sync_state::synced) ++believed;
    }
    EXPECT_EQ(believed, cut == 0 ? repositories : 0) << "nothing was begun, or all of it is done";
    if (done) {
      EXPECT_GT(cut, 3) << "in several parts";
      break;
    }
    ASSERT_LT(cut, 20);
  }
}

TEST_F(secondary_test, the_target_before_may_be_given_again_after_a_renewal_that_was_cut_short) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  ends_after until(*journal_, 1);
  ASSERT_FALSE(claim_target(logs_, until, "here", "127.0.0.1:5002", target_trust::renewed));
  EXPECT_FALSE(start("http://127.0.0.1:5003"));
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  EXPECT_TRUE(holds('a'));
  EXPECT_FALSE(start("http://127.0.0.1:5002")) << "to be said again";
}

TEST_F(secondary_test, a_target_that_was_emptied_is_a_new_one_at_the_old_address) {
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  bring();
  ASSERT_TRUE(start("http://127.0.0.1:5001", target_trust::renewed));
  EXPECT_FALSE(holds('a') || holds('c'));
}

TEST_F(secondary_test, a_journal_that_names_no_target_is_the_present_ones) {
  open();
  bring();
  ASSERT_TRUE(start("http://127.0.0.1:5001"));
  EXPECT_TRUE(holds('a'));
  EXPECT_FALSE(start("http://127.0.0.1:5002"));
}

// A primary that takes positions, and says nothing else.
class listening_primary {
 public:
  explicit listening_primary(asio::io_context& io) : acceptor_(io, {asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(io, serve(), asio::detached);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()); }
  void close() { acceptor_.close(); }
  int positions = 0;
  std::string reported;  // the last of them, to the end of its summary

 private:
  asio::awaitable<void> serve() {
    constexpr auto quietly = asio::as_tuple(asio::use_awaitable);
    for (;;) {
      auto [refused, client] = co_await acceptor_.async_accept(quietly);
      if (refused) co_return;
      std::string asked;
      co_await asio::async_read_until(client, asio::dynamic_buffer(asked), "\r\n\r\n", quietly);
      const bool position = asked.starts_with("PUT /v1/sites/here/cursor ");
      if (position) {
        co_await asio::async_read_until(client, asio::dynamic_buffer(asked), '}', quietly);
        reported = asked;
        ++positions;
      }
      const std::string answer = std::string(position ? "HTTP/1.1 200 OK" : "HTTP/1.1 503 Service Unavailable") +
                                 "\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}";
      co_await asio::async_write(client, asio::buffer(answer), quietly);
    }
  }
  asio::ip::tcp::acceptor acceptor_;
};

TEST_F(secondary_test, a_secondary_to_which_nothing_comes_is_heard_of_once_a_minute) {
  open();
  listening_primary primary(loop_);
  const config c = config_of(primary.url(), "http://127.0.0.1:9");
  registry_limits limits(loop_.get_executor(), now, c);
  auto made = secondary::create(loop_.get_executor(), {logs_, *log_, *journal_, now, limits}, c);
  ASSERT_TRUE(made) << made.error().text;
  ASSERT_TRUE((*made)->start());
  const auto heard = [&](int positions) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (primary.positions < positions && std::chrono::steady_clock::now() < until) {
      loop_.run_one_for(std::chrono::milliseconds(100));
      now.advance_us(5'000'000);
    }
    return primary.positions == positions;
  };
  EXPECT_TRUE(heard(1));
  EXPECT_TRUE(heard(2)) << "with the log as it was";
  auto stopped = asio::co_spawn(loop_, (*made)->stop(), asio::use_future);
  primary.close();
  loop_.run();
  stopped.get();
}

// Connecting, or a primary that answers 503 just now: nothing speaks for the two histories being one again.
TEST_F(secondary_test, a_refusal_from_before_a_restart_is_reported_until_the_primary_is_followed) {
  open();
  listening_primary primary(loop_);
  config c = config_of(primary.url(), "http://127.0.0.1:9");
  c.site.data_dir = site_path().string();
  const std::string why = "it holds a copy of log a, the primary serves log b";
  ASSERT_TRUE(write_last_contact(c.site.data_dir, {now.now(), {}, 5, why}));
  registry_limits limits(loop_.get_executor(), now, c);
  auto made = secondary::create(loop_.get_executor(), {logs_, *log_, *journal_, now, limits}, c);
  ASSERT_TRUE(made) << made.error().text;
  ASSERT_TRUE((*made)->start());
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (primary.positions < 1 && std::chrono::steady_clock::now() < until) {
    loop_.run_one_for(std::chrono::milliseconds(100));
  }
  EXPECT_THAT(primary.reported, HasSubstr("\"refused\":\"" + why + "\""));
  auto stopped = asio::co_spawn(loop_, (*made)->stop(), asio::use_future);
  primary.close();
  loop_.run();
  stopped.get();
}

}  // namespace
}  // namespace longshore::tools
