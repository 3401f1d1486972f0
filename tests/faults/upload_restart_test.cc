// Uploads over a restart of the program, and of the registry.

#include <filesystem>

#include "tests/faults/fault_fixture.h"

namespace longshore::tests {
namespace {

class upload_restart : public fault_fixture {
 protected:
  static constexpr std::size_t size = 4'000'000;
  static constexpr std::uint64_t chunk = 512u << 10;

  void SetUp() override {
    large_bytes = chunk;
    fault_fixture::SetUp();
  }
  // The program is stopped while this chunk is on its way, of which the registry sees nothing.
  void stop_at_chunk(const std::string& repository, const std::string& bytes, std::size_t n) {
    target_way->seen.clear();
    target_way->plan = [this, n, met = std::size_t{0}](const proxied_request& r) mutable {
      proxy_plan p{.whole_requests = true};
      if (r.method == "PATCH" && met++ == n) {
        copies->stop();
        p.break_request_at = chunk / 2;
      }
      return p;
    };
    const auto stopped = bring(repository, bytes);
    ASSERT_FALSE(stopped);
    ASSERT_EQ(where.open_uploads(10)->size(), 1u);
    restart();
  }
  std::size_t sessions_of(const std::string& repository) {
    const auto path = target_registry->storage() / "docker/registry/v2/repositories" / repository / "_uploads";
    std::error_code none;
    std::size_t n = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path, none)) {
      // Distribution 2 leaves a directory with the state of a hash behind.
      n += std::filesystem::exists(entry.path() / "data") ? 1 : 0;
    }
    return n;
  }
};

TEST_F(upload_restart, an_upload_goes_on_where_the_registry_acknowledged_it) {
  for (std::size_t n = 1; n < size / chunk; ++n) {
    const std::string repository = name() + std::to_string(n);
    const auto bytes = add(repository, size + n);
    stop_at_chunk(repository, bytes, n);
    EXPECT_EQ(sessions_of(repository), 1u);
    ASSERT_TRUE(bring(repository, bytes));
    expect_whole(repository, bytes);
    EXPECT_EQ(target_way->count("POST"), 1u);
    EXPECT_LE(target_way->body_in("PATCH"), bytes.size() + chunk);
    EXPECT_EQ(copies->counters().bytes_only_hashed, n * chunk) << "read from the source, hashed, and not sent";
    EXPECT_EQ(sessions_of(repository), 0u);
    EXPECT_TRUE(where.open_uploads(10)->empty());
  }
}

TEST_F(upload_restart, an_upload_outlives_a_restart_of_the_registry) {
  const auto bytes = add(name(), size);
  stop_at_chunk(name(), bytes, 4);
  ASSERT_TRUE(target_registry->restart());
  ASSERT_TRUE(bring(name(), bytes));
  expect_whole(name(), bytes);
  EXPECT_EQ(target_way->count("POST"), 1u);
  EXPECT_LE(target_way->body_in("PATCH"), size + chunk);
}

TEST_F(upload_restart, an_upload_whose_session_the_registry_purged_begins_anew) {
  const auto bytes = add(name(), size);
  stop_at_chunk(name(), bytes, 4);
  std::filesystem::remove_all(target_registry->storage() / "docker/registry/v2/repositories" / name() / "_uploads");
  ASSERT_TRUE(bring(name(), bytes));
  expect_whole(name(), bytes);
  EXPECT_TRUE(where.open_uploads(10)->empty());
}

TEST_F(upload_restart, a_session_that_nobody_wants_any_more_is_deleted_at_the_registry) {
  const auto bytes = add(name(), size);
  stop_at_chunk(name(), bytes, 4);
  EXPECT_EQ(sessions_of(name()), 1u);
  EXPECT_EQ(run(copies->cancel_left_uploads(now.now())).value(), 1u);
  EXPECT_EQ(target_way->seen.back().method, "DELETE");
  EXPECT_EQ(target_way->seen.back().status, 204);
  EXPECT_EQ(sessions_of(name()), 0u);
  EXPECT_TRUE(where.open_uploads(10)->empty());
}

TEST_F(upload_restart, a_stop_gives_up_the_session_of_a_small_blob) {
  large_bytes = 64u << 20;
  restart();
  const auto bytes = add(name(), 30'000'000);
  target_way->plan = [&](const proxied_request& r) {
    if (r.method == "PUT") copies->stop();
    return proxy_plan{};
  };
  EXPECT_FALSE(bring(name(), bytes));
  EXPECT_EQ(target_way->count("DELETE"), 1u);
  EXPECT_TRUE(where.open_uploads(10)->empty());
}

}  // namespace
}  // namespace longshore::tests
