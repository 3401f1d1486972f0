#pragma once

// A site's server with everything it serves, over a database of its own, on a free port of the loopback.

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "api/actions_admin.h"
#include "api/admin.h"
#include "api/dashboard.h"
#include "api/hot_tail.h"
#include "api/http_server.h"
#include "api/ingest.h"
#include "api/items_admin.h"
#include "api/log_tail.h"
#include "api/metrics.h"
#include "api/sites.h"
#include "tests/support/faulty_file_system.h"
#include "tests/support/scratch.h"
#include "tests/support/shared_clock.h"
#include "tests/unit/api_server/raw_client.h"

namespace longshore::api {

std::string fixture(const std::string& name);

class site_test : public ::testing::Test {
 protected:
  // Change before open().
  http_limits limits_;
  ingest_options ingest_options_;
  log_tail_options tail_options_;
  log::sequencer_options log_options_;
  std::size_t hot_bytes_max_ = 8u << 20;
  std::function<engine::task<>(std::string)> resync_;
  std::function<engine::task<std::uint64_t>(engine::operator_request)> act_;
  repository_filter left_out_;
  std::vector<host_limits_view> registries_shown_;
  std::vector<engine::reconciler_status> reconciling_shown_;
  std::string verifying_halted_;
  std::optional<engine::follower_status> following_;
  std::optional<engine::replicator_status> replicating_ = engine::replicator_status{};  // none: a primary

  ~site_test() override { close(); }
  void open();
  void close();
  raw_client connect() const { return raw_client(server_->port()); }
  // Runs f on the server's thread and returns what it returns.
  template <class F>
  auto on_server(F f) {
    std::packaged_task<decltype(f())()> work(std::move(f));
    auto done = work.get_future();
    // Wrapped: Asio takes a bare packaged_task for a completion token of its own.
    boost::asio::post(io_, [work = std::move(work)]() mutable { work(); });
    return done.get();
  }
  // Until the condition, asked for on the server's thread, holds.
  template <class F>
  void await(F condition) {
    while (!on_server(condition)) std::this_thread::yield();
  }
  std::vector<log::event> logged() const;
  void append(std::vector<log::event> events);
  // How many events the log has; every event `push_of` makes is different.
  std::uint64_t size() const { return log_->durable_size(); }
  static log::event push_of(const std::string& repository, int number);

  longshore::testing::scratch dir_;
  std::shared_ptr<longshore::testing::faulty_file_system> disk_ =
      std::make_shared<longshore::testing::faulty_file_system>();
  longshore::testing::shared_clock now_{{1'700'000'000'000'000}};
  std::atomic<bool> disk_full_{false};
  std::unique_ptr<storage::database> db_;
  std::unique_ptr<log::event_log> log_, journal_;
  std::unique_ptr<engine::desired> wanted_;
  std::unique_ptr<engine::actual> done_;
  std::unique_ptr<log::quarantine> quarantine_;
  std::unique_ptr<log::cursors> cursors_;
  std::unique_ptr<log::sequencer> sequencer_, journal_sequencer_;

  boost::asio::io_context io_{1};
  std::unique_ptr<blocking_pool> pool_;
  token_book readers_, followers_, admins_;
  router routes_;
  std::shared_ptr<hot_tail> hot_;
  std::unique_ptr<log_tail> tail_;
  std::unique_ptr<ingest> ingest_;
  std::unique_ptr<sites> sites_;
  std::unique_ptr<admin_world> shown_;
  std::unique_ptr<admin> admin_;
  std::unique_ptr<actions_admin> actions_;
  std::unique_ptr<items_admin> items_;
  std::unique_ptr<metrics> metrics_;
  std::unique_ptr<http_server> server_;
  std::atomic<int> warnings_{0};
  std::string warning_;                       // the last; the server's thread
  std::vector<std::string> warned_of_sites_;  // likewise, all of them

 private:
  void open_log();
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy_;
  std::thread thread_;
};

}  // namespace longshore::api
