#pragma once

// A secondary without its network: real logs and views in a database of its own, registries in memory, time by hand.

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "engine/reconciled.h"
#include "engine/repository_sync.h"
#include "log/event_log.h"
#include "log/sequencer.h"
#include "tests/support/memory/images.h"
#include "tests/support/memory/memory_registry.h"
#include "tests/support/shared_clock.h"

namespace longshore::engine::testing {

// Pauses that end when the test says so: at once (the clock moves on), or by advance().
class manual_pauses final : public pauses {
 public:
  explicit manual_pauses(::longshore::testing::shared_clock& now) : now_(&now) {}
  task<> pause(std::int64_t ms) override;
  void stop() override;
  void resume() { stopped_ = false; }  // as after a restart
  void advance(std::int64_t ms);

  bool at_once = true;
  std::vector<std::int64_t> asked;
  std::size_t waiting() const { return waiting_; }

 private:
  ::longshore::testing::shared_clock* now_;
  wait_list moved_;
  std::size_t waiting_ = 0;
  bool stopped_ = false;
};

class engine_world : public ::testing::Test {
 protected:
  engine_world();
  ~engine_world() override;

  // Runs until the task has ended; a deadlock fails the test after a minute.
  template <class T>
  T run(boost::asio::awaitable<T> body) {
    std::optional<T> out;
    boost::asio::co_spawn(
        context_,
        [](boost::asio::awaitable<T> b, std::optional<T>& to) -> boost::asio::awaitable<void> {
          to.emplace(co_await std::move(b));
        }(std::move(body), out),
        [](std::exception_ptr thrown) {
          if (thrown) std::rethrow_exception(thrown);
        });
    run_until([&] { return out.has_value(); });
    return *std::move(out);
  }
  void run(boost::asio::awaitable<void> body);
  void run_until(const std::function<bool()>& done);
  // Runs what can run without waiting for anything but the sequencers.
  void settle();

  // The primary's log: one event, durable and folded on return.
  void say(log::event e);
  void say_pushed(const std::string& repository, const std::string& tag, const digest& d);
  void say_pushed_digest(const std::string& repository, const digest& d);
  void say_erased(const std::string& repository, const std::string& tag, const std::string& digest_text = {});

  void say_observed_gone(const std::string& repository, const std::string& tag);

  result<pass_report> pass_over(const std::string& repository);
  actual_item item(const std::string& repository, const std::string& ref);
  actual_repository repository(const std::string& name);
  std::vector<log::event> journaled(log::event_kind kind);
  // No violation, no session left open, and each tag of the source stands at the target with its digest, whole.
  void expect_mirrored(const std::string& repository);
  copier& fresh_copier();  // as after a restart

  boost::asio::io_context context_;
  ::longshore::testing::shared_clock clock_{{1'700'000'000'000'000}};
  seeded_random random_{7};
  manual_pauses pauses_{clock_};
  memory_registry source_{"source"}, target_{"target"};
  sync_settings settings_;
  copy_settings copying_;
  copier_options copier_options_;

  std::filesystem::path path_;
  std::unique_ptr<storage::database> db_;
  std::unique_ptr<log::event_log> log_, journal_log_;
  std::unique_ptr<desired> desired_;
  std::unique_ptr<actual> actual_;
  std::unique_ptr<locations> locations_;
  std::unique_ptr<uploads> uploads_;
  std::unique_ptr<reconciled> reconciled_;
  std::unique_ptr<log::sequencer> sequencer_, journal_sequencer_;
  std::unique_ptr<journal> journal_;
  std::unique_ptr<journaled_locations> where_;
  std::unique_ptr<copier> copier_;

  sync_world world();
};

inline error away() { return {errc::unavailable, "connection refused", 0}; }

}  // namespace longshore::engine::testing
