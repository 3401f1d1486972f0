// The source's side breaks: what arrives, and how often which byte is asked for.

#include "tests/faults/fault_fixture.h"

namespace longshore::tests {
namespace {

class download_faults : public fault_fixture {
 protected:
  static constexpr std::size_t size = 4'000'000;
  // What a connection holds that was sent and not read when it is reset.
  static constexpr std::uint64_t in_flight = 1u << 20;

  // The first request for a blob's content gets this plan, all others go through.
  void once(proxy_plan p) {
    source_way->seen.clear();
    source_way->plan = [p, done = false](const proxied_request& r) mutable {
      if (done || r.method != "GET" || r.target.find("/blobs/") == std::string::npos) return proxy_plan{};
      done = true;
      return p;
    };
  }
  void expect_resumed(const std::string& repository, const std::string& bytes, std::uint64_t slack) {
    const auto outcome = bring(repository, bytes);
    ASSERT_TRUE(outcome) << outcome.error().text;
    expect_whole(repository, bytes);
    EXPECT_GE(source_way->body_out("GET", "/blobs/"), bytes.size());
    EXPECT_LE(source_way->body_out("GET", "/blobs/"), bytes.size() + slack);
    EXPECT_EQ(target_way->body_in("PUT"), bytes.size()) << "the target's side noticed nothing";
    EXPECT_EQ(target_way->count("POST"), 1u);
  }
};

TEST_F(download_faults, a_connection_reset_at_every_tenth_costs_what_was_under_way) {
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    const std::string repository = name() + std::to_string(tenth);
    const auto bytes = add(repository, size + tenth);
    once({.break_answer_at = size / 10 * tenth});
    target_way->seen.clear();
    expect_resumed(repository, bytes, in_flight);
    EXPECT_EQ(source_way->count("GET", "/blobs/"), 2u);
  }
}

TEST_F(download_faults, a_truncated_body_at_every_tenth_costs_nothing) {
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    const std::string repository = name() + std::to_string(tenth);
    const auto bytes = add(repository, size + tenth);
    once({.break_answer_at = size / 10 * tenth, .break_orderly = true});
    target_way->seen.clear();
    expect_resumed(repository, bytes, 0);
    if (tenth > 0) {
      EXPECT_EQ(source_way->seen.back().header("Range"), "bytes=" + std::to_string(size / 10 * tenth) + "-");
    }
  }
}

TEST_F(download_faults, a_body_that_breaks_at_every_tenth_in_one_copy_is_read_once) {
  const auto bytes = add(name(), size);
  source_way->plan = [](const proxied_request& r) {
    if (r.method != "GET" || r.target.find("/blobs/") == std::string::npos) return proxy_plan{};
    return proxy_plan{.break_answer_at = size / 10, .break_orderly = true};
  };
  expect_resumed(name(), bytes, 0);
  EXPECT_EQ(source_way->count("GET", "/blobs/"), 10u) << "the tenth comes to the end";
}

TEST_F(download_faults, a_body_that_stalls_is_taken_up_after_the_stall_time) {
  http.stall_max = std::chrono::milliseconds(1'000);
  restart();
  const auto bytes = add(name(), size);
  once({.stall_answer_at = size / 2});
  expect_resumed(name(), bytes, 0);
}

TEST_F(download_faults, a_wrong_byte_is_never_published_and_the_next_copy_is_right) {
  const auto bytes = add(name(), size);
  for (const std::uint64_t at : {std::uint64_t{0}, std::uint64_t{size / 2}, std::uint64_t{size - 1}}) {
    once({.flip_answer_at = at});
    const auto outcome = bring(name(), bytes);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, errc::corrupt);
    EXPECT_FALSE(*run(plain_target->stat_blob(name(), digest::of(bytes))));
    EXPECT_EQ(target_way->seen.back().method, "DELETE") << "the session is given up";
  }
  ASSERT_TRUE(bring(name(), bytes));
  expect_whole(name(), bytes);
}

TEST_F(download_faults, an_overloaded_source_is_given_the_pause_it_asks_for) {
  for (const char* pause : {"Retry-After: 3\r\n", "Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n"}) {
    for (const int status : {429, 503}) {
      const std::string repository = name() + std::to_string(status) + (pause[13] == '3' ? "s" : "d");
      const auto bytes = add(repository, size);
      // In mid-copy: the first answer breaks off, the second asks for the pause.
      source_way->seen.clear();
      source_way->plan = [&, n = 0](const proxied_request& r) mutable {
        if (r.method != "GET" || r.target.find("/blobs/") == std::string::npos) return proxy_plan{};
        ++n;
        if (n == 1) return proxy_plan{.break_answer_at = size / 2, .break_orderly = true};
        if (n == 2) return proxy_plan{.answer = http_answer(status, pause)};
        return proxy_plan{};
      };
      pauses.asked.clear();
      target_way->seen.clear();
      expect_resumed(repository, bytes, 0);
      EXPECT_EQ(pauses.asked, (std::vector<std::int64_t>{200, 3'000})) << pause << status;
    }
  }
}

TEST_F(download_faults, a_source_with_errors_of_its_own_is_asked_again) {
  for (const int status : {500, 502, 504}) {
    const std::string repository = name() + std::to_string(status);
    const auto bytes = add(repository, size);
    once({.answer = http_answer(status, "", "<html>")});
    target_way->seen.clear();
    expect_resumed(repository, bytes, 0);
  }
}

TEST_F(download_faults, a_blob_at_another_host_is_read_there_without_credentials_and_resumed_through_the_registry) {
  const auto bytes = add(name(), size);
  fault_proxy store(io, source_registry->port());
  store.plan = [n = 0](const proxied_request&) mutable {
    return n++ == 0 ? proxy_plan{.break_answer_at = size / 3, .break_orderly = true} : proxy_plan{};
  };
  source_way->plan = [&](const proxied_request& r) {
    if (r.header("Authorization").empty()) {
      return proxy_plan{.answer = http_answer(401, "WWW-Authenticate: Basic realm=\"x\"\r\n")};
    }
    if (r.method != "GET" || r.target.find("/blobs/") == std::string::npos) return proxy_plan{};
    return proxy_plan{.answer = http_answer(307, "Location: " + store.url() + r.target + "?sig=a%2Fb\r\n")};
  };
  api::registry_options o;
  o.address = source_way->url();
  o.credentials = [](std::string, std::string) -> engine::task<std::optional<api::credential>> {
    co_return api::credential{"me", "secret", "", ""};
  };
  source = *api::registry_client::create(io.get_executor(), now, std::move(o));
  copies = std::make_unique<engine::copier>(engine::copier_world{*source, *target, where, pauses}, options);
  ASSERT_TRUE(bring(name(), bytes));
  expect_whole(name(), bytes);
  ASSERT_EQ(store.seen.size(), 2u);
  for (const auto& r : store.seen) {
    EXPECT_EQ(r.header("Authorization"), "");
    EXPECT_NE(r.target.find("?sig=a%2Fb"), std::string::npos);
  }
  EXPECT_EQ(store.seen[1].header("Range"), "bytes=" + std::to_string(size / 3) + "-");
  EXPECT_EQ(store.body_out("GET"), size);
}

}  // namespace
}  // namespace longshore::tests
