#pragma once

// Copies from one real registry to another, each behind a proxy that the test tells what to break.
//
// The registries are started once for all tests of a suite: repositories are named after the test. Pauses are noted
// and not made. The index and the ledger are kept in memory, as durable as the fixture.

#include <gtest/gtest.h>

#include <boost/asio.hpp>
#include <memory>

#include "api/registry_client.h"
#include "engine/copier.h"
#include "storage/env/clock.h"
#include "tests/support/proxy/fault_proxy.h"
#include "tests/support/registry/registry_process.h"

namespace longshore::tests {

class noted_pauses final : public engine::pauses {
 public:
  engine::task<> pause(std::int64_t ms) override;
  void stop() override {}
  std::vector<std::int64_t> asked;
};

class kept_locations final : public engine::location_index {
 public:
  result<bool> holds(std::string_view r, std::string_view d) const override { return in_.holds(r, d); }
  result<std::optional<std::string>> any_holder(std::string_view d) const override { return in_.any_holder(d); }
  result<std::vector<std::string>> holders(std::string_view d) const override { return in_.holders(d); }
  result<bool> is_doubted(std::string_view d) const override { return in_.is_doubted(d); }
  result<std::optional<std::uint64_t>> survey_of(std::string_view r) const override { return in_.survey_of(r); }
  engine::task<> record(std::vector<log::event> facts) override { return in_.record(std::move(facts)); }
  result<std::optional<engine::open_upload>> upload_of(std::string_view r, std::string_view d) const override {
    return in_.upload_of(r, d);
  }
  result<std::vector<engine::open_upload>> open_uploads(std::size_t most) const override {
    return in_.open_uploads(most);
  }
  bool durable() const override { return true; }

 private:
  engine::transient_locations in_;
};

class fault_fixture : public testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  // New clients and a new copier, as after a restart of the program.
  void restart();
  template <class T>
  result<T> run(engine::task<T> verb) {
    std::optional<result<T>> out;
    run_body([](engine::task<T> v, std::optional<result<T>>& to) -> boost::asio::awaitable<void> {
      to.emplace(co_await std::move(v));
    }(std::move(verb), out));
    if (!out) return fail(errc::timed_out, "the test did not come to its end");
    return *std::move(out);
  }
  void run_body(boost::asio::awaitable<void> body);

  // A blob of the source, pushed past the proxy.
  std::string add(const std::string& repository, std::size_t size);
  void add(const std::string& repository, const std::string& bytes);
  result<engine::blob_outcome> bring(const std::string& repository, const std::string& bytes,
                                     digest_algorithm algorithm = digest_algorithm::sha256);
  void expect_whole(const std::string& repository, const std::string& bytes,
                    digest_algorithm algorithm = digest_algorithm::sha256);
  engine::task<std::string> read(api::registry_client& from, std::string repository, digest d);
  engine::task<> push(api::registry_client& to, std::string repository, std::string bytes);
  std::unique_ptr<api::registry_client> client_of(const std::string& address);
  std::string name() const { return testing::UnitTest::GetInstance()->current_test_info()->name(); }

  static std::unique_ptr<registry_process> source_registry, target_registry;

  boost::asio::io_context io;
  manual_clock now{{784'111'777'000'000}};  // Sun, 06 Nov 1994 08:49:37 GMT
  noted_pauses pauses;
  kept_locations where;
  api::http_options http;
  std::uint64_t large_bytes = 64u << 20;
  engine::copier_options options;
  std::unique_ptr<fault_proxy> source_way, target_way;
  std::unique_ptr<api::registry_client> source, target, plain_source, plain_target;
  std::unique_ptr<engine::copier> copies;
};

}  // namespace longshore::tests
