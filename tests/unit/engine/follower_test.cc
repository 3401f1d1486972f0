#include "engine/follower.h"

#include <deque>

#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

// A primary whose log is the fixture's own.
class memory_source final : public log_source {
 public:
  explicit memory_source(log::event_log& of) : of_(&of) {}
  task<log_page> read(event_seq from, std::size_t bytes_max, int wait_s) override {
    ++reads;
    waits.push_back(wait_s);
    if (failure) co_return std::unexpected<error>(*failure);
    log_page out{identity.empty() ? of_->identity() : identity, from, {}, {}, of_->durable_size()};
    if (from.value > out.durable_size)
      co_return fail(errc::conflict, "the log ends at " + std::to_string(out.durable_size));
    auto page = of_->read(from, bytes_max);
    if (!page) co_return pass(std::move(page));
    out.records = std::move(page->records);
    auto root = of_->root_at(from.value + out.records.size());
    if (!root) co_return pass(std::move(root));
    out.root = *root;
    if (spoil) spoil(out);
    co_return out;
  }
  std::optional<error> failure;
  std::string identity;
  std::function<void(log_page&)> spoil;
  int reads = 0;
  std::vector<int> waits;

 private:
  log::event_log* of_;
};

class follower_test : public engine_world {
 protected:
  follower_test() {
    copy_path_ = path_.string() + "-copy";
    std::filesystem::remove_all(copy_path_);
    open_copy();
    pauses_.at_once = false;
  }
  ~follower_test() override {
    close_copy();
    std::filesystem::remove_all(copy_path_);
  }
  void open_copy() {
    auto families = log::families_of("log");
    for (auto& f : desired::family_specs()) families.push_back(f);
    copy_db_ = *storage::database::open({.path = copy_path_, .families = families});
    copy_ = *log::event_log::open(*copy_db_, "log");
    copy_view_ = std::make_unique<desired>(*copy_db_);
    copy_sequencer_ = *log::sequencer::start(*copy_, {copy_view_.get()}, clock_, {});
    follower_ = std::make_unique<follower>(context_.get_executor(),
                                           follower_world{primary_, *copy_, *copy_sequencer_, pauses_, clock_, random_},
                                           options_, [this](const std::string& r) { told_.push_back(r); });
  }
  void close_copy() {
    if (!follower_) return;
    run(follower_->stop());
    copy_sequencer_->stop();
    follower_.reset();
    copy_sequencer_.reset();
    copy_view_.reset();
    copy_.reset();
    copy_db_.reset();
  }
  void push(const std::string& repository) { say_pushed(repository, "v1", digest::of("m")); }
  void follow_until(follower_state s) {
    follower_->start();
    run_until([&] { return follower_->status().state == s && pauses_.waiting() > 0; });
  }

  memory_source primary_{*log_};
  follower_options options_;
  std::filesystem::path copy_path_;
  std::unique_ptr<storage::database> copy_db_;
  std::unique_ptr<log::event_log> copy_;
  std::unique_ptr<desired> copy_view_;
  std::unique_ptr<log::sequencer> copy_sequencer_;
  std::unique_ptr<follower> follower_;
  std::vector<std::string> told_;
};

TEST_F(follower_test, the_copy_is_byte_for_byte_the_log_and_takes_over_its_identity) {
  for (int i = 0; i < 30; ++i) push("r" + std::to_string(i % 3));
  follow_until(follower_state::following);
  EXPECT_EQ(copy_->identity(), log_->identity());
  ASSERT_EQ(copy_->durable_size(), 30u);
  for (std::uint64_t i = 0; i < 30; ++i) EXPECT_EQ(*copy_->record({i}), *log_->record({i}));
  EXPECT_EQ(*copy_->root_at(30), *log_->root_at(30));
  EXPECT_EQ(std::set<std::string>(told_.begin(), told_.end()), (std::set<std::string>{"r0", "r1", "r2"}));
  EXPECT_EQ(follower_->status().lag_events(), 0u);
}

TEST_F(follower_test, what_was_known_of_the_primary_before_the_start_is_known_until_it_answers) {
  push("a");
  follow_until(follower_state::following);
  const primary_contact before = follower_->status().contact();
  EXPECT_EQ(before.size, 1u);
  EXPECT_EQ(before.caught_up, clock_.now());
  close_copy();
  primary_.failure = away();
  clock_.advance_us(60'000'000);
  pauses_.resume();
  options_.before = before;
  open_copy();
  follow_until(follower_state::away);
  const follower_status now = follower_->status();
  EXPECT_EQ(now.last_contact, before.answered);
  EXPECT_EQ(now.caught_up, before.caught_up);
  EXPECT_EQ(now.primary_size, 1u);
  EXPECT_EQ(now.started, clock_.now());
}

TEST_F(follower_test, new_events_are_told_after_they_are_in_the_view) {
  follow_until(follower_state::following);
  push("late");
  pauses_.advance(1'000);
  run_until([&] { return !told_.empty(); });
  EXPECT_EQ(told_, std::vector<std::string>{"late"});
  EXPECT_TRUE(copy_view_->repository("late")->has_value());
}

TEST_F(follower_test, a_restarted_copy_goes_on_where_it_was) {
  push("a");
  follow_until(follower_state::following);
  close_copy();
  push("b");
  pauses_.resume();
  open_copy();
  told_.clear();
  follow_until(follower_state::following);
  EXPECT_EQ(copy_->durable_size(), 2u);
  EXPECT_EQ(told_, std::vector<std::string>{"b"});
}

TEST_F(follower_test, a_primary_that_is_away_is_tried_again_with_growing_pauses) {
  primary_.failure = away();
  follow_until(follower_state::away);
  for (int i = 0; i < 4; ++i) {
    const auto reads = primary_.reads;
    pauses_.advance(60'000);
    run_until([&] { return primary_.reads > reads && pauses_.waiting() > 0; });
  }
  EXPECT_EQ(follower_->status().reason, "the primary's log cannot be reached: connection refused");
  EXPECT_GT(pauses_.asked.back(), pauses_.asked.front());
  EXPECT_LE(pauses_.asked.back(), 5'000) << "one that was only restarted is followed again soon";
  EXPECT_EQ(follower_->status().retry_at.us, clock_.now().us + pauses_.asked.back() * 1'000);
  primary_.failure.reset();
  push("a");
  pauses_.advance(60'000);
  run_until([&] { return copy_->durable_size() == 1; });
  run_until([&] { return follower_->status().state == follower_state::following; });
  EXPECT_EQ(follower_->status().retry_at.us, 0);
}

TEST_F(follower_test, another_log_is_refused_and_nothing_of_it_applied) {
  push("a");
  follow_until(follower_state::following);
  primary_.identity = "another";
  push("b");
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::refused; });
  EXPECT_EQ(copy_->durable_size(), 1u);
  EXPECT_TRUE(follower_->status().reason.starts_with("refused: "));
}

// The primary's operator reads it, and must not do there what is meant for here.
TEST_F(follower_test, what_the_primary_is_told_of_a_refusal_is_the_cause_without_advice) {
  push("a");
  follow_until(follower_state::following);
  primary_.identity = "another";
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::refused; });
  EXPECT_EQ(follower_->status().refusal,
            "it holds a copy of log " + copy_->identity() + ", the primary serves log another");
  EXPECT_NE(follower_->status().reason.find("empty data directory"), std::string::npos) << "here it is said";
}

TEST_F(follower_test, a_refusal_stands_until_the_primary_is_followed_again) {
  push("a");
  follow_until(follower_state::following);
  EXPECT_EQ(follower_->status().refusal, "");
  primary_.spoil = [](log_page& p) { p.root[0] ^= 1; };
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::refused && pauses_.waiting() > 0; });
  const std::string why = follower_->status().refusal;
  EXPECT_EQ(why, "the primary's first 1 events are not those of its copy");
  primary_.failure = away();
  pauses_.advance(60'000);
  run_until([&] { return follower_->status().state == follower_state::away && pauses_.waiting() > 0; });
  EXPECT_EQ(follower_->status().refusal, why);
  options_.before = follower_->status().contact();
  close_copy();
  pauses_.resume();
  open_copy();
  EXPECT_EQ(follower_->status().state, follower_state::connecting);
  EXPECT_EQ(follower_->status().refusal, why) << "after a restart, too";
  primary_.failure.reset();
  primary_.spoil = {};
  follow_until(follower_state::following);
  EXPECT_EQ(follower_->status().refusal, "");
}

TEST_F(follower_test, a_page_whose_root_does_not_follow_is_refused_and_asked_for_again_slowly) {
  push("a");
  primary_.spoil = [](log_page& p) { p.root[0] ^= 1; };
  follow_until(follower_state::refused);
  EXPECT_EQ(copy_->durable_size(), 0u);
  EXPECT_EQ(pauses_.asked.back(), follower_options{}.refused_pause_ms);
  primary_.spoil = {};
  pauses_.advance(60'000);
  run_until([&] { return copy_->durable_size() == 1; });
}

TEST_F(follower_test, an_empty_answer_over_another_history_is_refused) {
  push("a");
  follow_until(follower_state::following);
  primary_.spoil = [](log_page& p) { p.root[0] ^= 1; };
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::refused; });
}

TEST_F(follower_test, a_primary_that_lost_history_is_refused) {
  push("a");
  push("b");
  follow_until(follower_state::following);
  primary_.spoil = [](log_page& p) { p.durable_size = 1; };
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::refused; });
  EXPECT_NE(follower_->status().reason.find("lost history"), std::string::npos);
}

TEST_F(follower_test, pages_out_of_place_are_refused) {
  push("a");
  primary_.spoil = [](log_page& p) { p.first = {5}; };
  follow_until(follower_state::refused);
  EXPECT_EQ(copy_->durable_size(), 0u);
}

// A long poll is answered when there is something to say: who asked for one at first would not be known to follow.
TEST_F(follower_test, a_quiet_primary_is_followed_from_its_first_answer_on) {
  follow_until(follower_state::following);
  EXPECT_EQ(primary_.waits.front(), 0);
  EXPECT_EQ(primary_.waits.back(), follower_options{}.wait_s);
  primary_.failure = error{errc::unavailable, "connection refused"};
  pauses_.advance(1'000);
  run_until([&] { return follower_->status().state == follower_state::away && pauses_.waiting() > 0; });
  primary_.failure.reset();
  primary_.waits.clear();
  pauses_.advance(60'000);
  run_until([&] { return primary_.waits.size() > 1; });
  EXPECT_EQ(primary_.waits.front(), 0);
  EXPECT_EQ(primary_.waits.back(), follower_options{}.wait_s);
}

TEST_F(follower_test, a_primary_that_does_not_take_the_token_is_not_away) {
  primary_.failure = error{errc::unauthorized, "the token is wrong"};
  follow_until(follower_state::unauthorized);
  EXPECT_EQ(follower_->status().reason, "the token is wrong");
  EXPECT_FALSE(follower_->status().is_lag_known());
  primary_.failure.reset();
  pauses_.advance(60'000);
  run_until([&] { return follower_->status().state == follower_state::following; });
}

}  // namespace
}  // namespace longshore::engine
