// The target's side breaks: what arrives, and which bytes are sent again.

#include <algorithm>

#include "engine/journal_records.h"
#include "tests/faults/fault_fixture.h"

namespace longshore::tests {
namespace {

class upload_faults : public fault_fixture {
 protected:
  static constexpr std::size_t size = 4'000'000;
  static constexpr std::uint64_t chunk = 512u << 10;

  void in_chunks() {
    large_bytes = chunk;
    restart();
  }
  // The nth request with this method (from 0) gets this plan; all others the usual one.
  void nth(std::string method, std::size_t n, proxy_plan p, proxy_plan usual = {}) {
    target_way->seen.clear();
    target_way->plan = [=, met = std::size_t{0}](const proxied_request& r) mutable {
      if (r.method != method) return usual;
      return met++ == n ? p : usual;
    };
  }
  void expect_copied(const std::string& repository, const std::string& bytes) {
    const auto outcome = bring(repository, bytes);
    ASSERT_TRUE(outcome) << outcome.error().text;
    EXPECT_EQ(*outcome, engine::blob_outcome::copied);
    expect_whole(repository, bytes);
  }
  std::uint64_t sent() const { return target_way->body_in("PATCH") + target_way->body_in("PUT"); }
};

TEST_F(upload_faults, a_blob_is_one_post_and_one_put_and_a_mount_is_one_post) {
  const auto bytes = add(name(), size);
  expect_copied(name(), bytes);
  EXPECT_EQ(target_way->seen.size(), 3u) << "HEAD, POST, PUT";
  EXPECT_EQ(sent(), size);
  target_way->seen.clear();
  source_way->seen.clear();
  EXPECT_EQ(*bring(name() + "/other", bytes), engine::blob_outcome::mounted);
  EXPECT_EQ(target_way->seen.size(), 1u);
  EXPECT_EQ(source_way->seen.size(), 0u);
}

TEST_F(upload_faults, a_refused_mount_goes_on_in_the_session_it_opened) {
  const auto bytes = add(name(), size);
  std::vector<log::event> wrong{engine::record::located("nobody/has-it", digest::of(bytes), size)};
  ASSERT_TRUE(run(where.record(wrong)));
  expect_copied(name(), bytes);
  EXPECT_EQ(target_way->count("POST"), 1u);
  EXPECT_NE(target_way->seen[0].target.find("mount="), std::string::npos);
  EXPECT_EQ(target_way->seen[0].status, 202);
  EXPECT_EQ(sent(), size);
  EXPECT_FALSE(*where.holds("nobody/has-it", digest::of(bytes).text())) << "the index was corrected";
}

TEST_F(upload_faults, a_put_reset_at_every_tenth_is_sent_once_more) {
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    const std::string repository = name() + std::to_string(tenth);
    const auto bytes = add(repository, size + tenth);
    const std::uint64_t at = size / 10 * tenth;
    nth("PUT", 0, {.break_request_at = at});
    expect_copied(repository, bytes);
    EXPECT_EQ(sent(), bytes.size() + at) << "Distribution 2 forgets a session of which it got half a request";
  }
}

TEST_F(upload_faults, chunks_reset_at_every_tenth_of_the_blob_are_sent_once_more_each) {
  in_chunks();
  for (std::size_t tenth = 0; tenth < 10; ++tenth) {
    const std::string repository = name() + std::to_string(tenth);
    const auto bytes = add(repository, size + tenth);
    const std::uint64_t at = size / 10 * tenth;
    nth("PATCH", at / chunk, {.whole_requests = true, .break_request_at = at % chunk}, {.whole_requests = true});
    expect_copied(repository, bytes);
    EXPECT_EQ(sent(), bytes.size() + at % chunk);
    EXPECT_EQ(target_way->count("POST"), at < chunk ? 2u : 1u) << "one session, once it holds something";
    const auto& again = source_way->seen.back();
    const auto from = at / chunk * chunk;
    EXPECT_EQ(again.header("Range"), from == 0 ? "" : "bytes=" + std::to_string(from) + "-") << "as much is read again";
    source_way->seen.clear();
  }
  EXPECT_EQ(copies->counters().bytes_only_hashed, 0u);
}

TEST_F(upload_faults, chunks_that_break_at_every_tenth_in_one_copy_cost_one_chunk_each) {
  in_chunks();
  const auto bytes = add(name(), size);
  target_way->plan = [n = 0](const proxied_request& r) mutable {
    proxy_plan p{.whole_requests = true};
    if (r.method == "PATCH" && n++ % 2 == 0) p.break_request_at = chunk / 3;
    return p;
  };
  expect_copied(name(), bytes);
  const std::uint64_t chunks = (size + chunk - 1) / chunk;
  EXPECT_LE(sent(), size + chunks * (chunk / 3));
  EXPECT_EQ(target_way->count("POST"), 2u) << "the first session held nothing yet";
}

TEST_F(upload_faults, a_chunk_that_a_forgetful_registry_got_half_of_costs_what_was_before) {
  in_chunks();
  for (std::size_t tenth = 1; tenth < 10; tenth += 2) {
    const std::string repository = name() + std::to_string(tenth);
    const auto bytes = add(repository, size + tenth);
    const std::uint64_t at = size / 10 * tenth + 1;
    nth("PATCH", at / chunk, {.break_request_at = at % chunk});
    expect_copied(repository, bytes);
    // Asked while it still writes what it got, it says that the session goes on: that costs another chunk.
    EXPECT_LE(sent(), bytes.size() + at + chunk);
  }
}

TEST_F(upload_faults, a_lost_answer_to_the_last_request_costs_one_look) {
  const auto bytes = add(name(), size);
  nth("PUT", 0, {.drop_answer = true});
  expect_copied(name(), bytes);
  EXPECT_EQ(sent(), size);
  EXPECT_EQ(target_way->count("POST"), 1u);
}

TEST_F(upload_faults, a_lost_answer_to_a_chunk_ends_with_the_right_content) {
  in_chunks();
  const auto bytes = add(name(), size);
  nth("PATCH", 3, {.drop_answer = true});
  expect_copied(name(), bytes);
  EXPECT_EQ(sent(), size + 4 * chunk);
}

TEST_F(upload_faults, an_upload_that_stalls_goes_on_after_the_stall_time) {
  http.stall_max = http.upload_answer_max = std::chrono::milliseconds(2'000);
  in_chunks();
  const auto bytes = add(name(), size);
  nth("PATCH", 4, {.whole_requests = true, .stall_request_at = chunk / 2}, {.whole_requests = true});
  expect_copied(name(), bytes);
  EXPECT_LE(sent(), size + chunk);
  EXPECT_EQ(target_way->count("POST"), 1u);
}

TEST_F(upload_faults, a_target_that_wants_a_pause_gets_it_and_the_upload_goes_on) {
  in_chunks();
  for (const char* pause : {"Retry-After: 3\r\n", "Retry-After: Sun, 06 Nov 1994 08:49:40 GMT\r\n"}) {
    for (const int status : {429, 503}) {
      const std::string repository = name() + std::to_string(status) + (pause[13] == '3' ? "s" : "d");
      const auto bytes = add(repository, size);
      nth("PATCH", 5, {.answer = http_answer(status, pause)});
      pauses.asked.clear();
      expect_copied(repository, bytes);
      EXPECT_EQ(pauses.asked, std::vector<std::int64_t>{3'000});
      EXPECT_EQ(sent(), size + chunk);
      EXPECT_EQ(target_way->count("POST"), 1u);
    }
  }
}

TEST_F(upload_faults, a_target_with_errors_of_its_own_is_tried_again) {
  in_chunks();
  for (const char* method : {"PATCH", "PUT", "GET"}) {
    const std::string repository = name() + "/" + static_cast<char>(method[1] + 32) + static_cast<char>(method[2] + 32);
    const auto bytes = add(repository, size);
    nth("PATCH", 4, {.answer = http_answer(500)});
    if (std::string(method) != "PATCH") {
      target_way->plan = [&, patches = 0, errors = 0](const proxied_request& r) mutable {
        if (r.method == "PATCH" && patches++ == 2) return proxy_plan{.answer = http_answer(500)};
        if (r.method == method && errors++ < 2) return proxy_plan{.answer = http_answer(502)};
        return proxy_plan{};
      };
    }
    expect_copied(repository, bytes);
    EXPECT_LE(sent(), size + 2 * chunk);
    EXPECT_EQ(target_way->count("POST"), 1u);
  }
}

TEST_F(upload_faults, a_chunk_out_of_step_is_put_right_by_asking) {
  in_chunks();
  const auto bytes = add(name(), size);
  nth("PATCH", 5, {.answer = http_answer(416, "", R"({"errors":[{"code":"RANGE_INVALID"}]})")});
  expect_copied(name(), bytes);
  EXPECT_EQ(sent(), size + chunk);
  EXPECT_EQ(target_way->count("POST"), 1u);
}

TEST_F(upload_faults, a_registry_that_forgot_the_session_gets_a_new_one) {
  in_chunks();
  const auto bytes = add(name(), size);
  target_way->plan = [n = 0](const proxied_request& r) mutable {
    proxy_plan p{.whole_requests = true};
    if (r.method == "PATCH" && ++n == 6) p.break_request_at = 100;
    if (r.method == "GET") p.answer = http_answer(404, "", R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})");
    return p;
  };
  expect_copied(name(), bytes);
  EXPECT_EQ(sent(), size + 5 * chunk + 100);
  EXPECT_EQ(target_way->count("POST"), 2u);
}

// The proxy is the registry's door: every token opens it four times.
TEST_F(upload_faults, tokens_that_expire_in_mid_upload_are_renewed_and_go_unnoticed) {
  in_chunks();
  const auto bytes = add(name(), size);
  std::map<std::string, int> uses_left;
  int refused_chunks = 0, tokens = 0;
  target_way->plan = [&](const proxied_request& r) {
    if (r.target.starts_with("/token")) {
      const auto token = "token-" + std::to_string(tokens++);
      uses_left["Bearer " + token] = 4;
      return proxy_plan{.answer = http_answer(200, "", "{\"token\":\"" + token + "\",\"expires_in\":300}")};
    }
    if (uses_left[r.header("Authorization")]-- > 0) return proxy_plan{};
    refused_chunks += r.method == "PATCH" ? 1 : 0;
    return proxy_plan{.answer = http_answer(
                          401, "WWW-Authenticate: Bearer realm=\"" + target_way->url() + "/token\",service=\"s\"\r\n")};
  };
  expect_copied(name(), bytes);
  EXPECT_GE(refused_chunks, 1);
  EXPECT_EQ(sent(), size + static_cast<std::uint64_t>(refused_chunks) * chunk);
  EXPECT_EQ(target_way->count("POST"), 1u) << "one session";
  EXPECT_LE(tokens, 2 + refused_chunks + 2);
}

TEST_F(upload_faults, a_registry_that_refuses_whole_blobs_is_sent_chunks_and_is_not_tried_again) {
  for (const int status : {404, 405, 413, 501}) {
    restart();
    const std::string repository = name() + std::to_string(status);
    const auto first = add(repository, size), second = add(repository + "/2", size);
    target_way->seen.clear();
    target_way->plan = [&](const proxied_request& r) {
      if (r.method != "PUT" || r.length == 0) return proxy_plan{};
      return proxy_plan{.answer = http_answer(status, "Connection: close\r\n"), .answer_early = true};
    };
    expect_copied(repository, first);
    expect_copied(repository + "/2", second);
    EXPECT_EQ(target_way->count("PUT"), 3u) << "one refused, one for each blob at its end";
    EXPECT_EQ(target_way->body_in("PATCH"), 2 * size);
  }
}

TEST_F(upload_faults, a_registry_that_closes_the_connection_on_whole_blobs_is_sent_chunks) {
  const auto bytes = add(name(), size);
  target_way->plan = [&](const proxied_request& r) {
    if (r.method != "PUT" || r.length == 0) return proxy_plan{};
    return proxy_plan{.break_request_at = 0, .break_orderly = true};
  };
  expect_copied(name(), bytes);
  EXPECT_GE(target_way->count("PATCH"), 1u);
  const auto tried = target_way->count("PUT");
  const auto second = add(name() + "/2", size);
  expect_copied(name() + "/2", second);
  EXPECT_EQ(target_way->count("PUT"), tried + 1) << "remembered";
}

TEST_F(upload_faults, a_registry_with_a_limit_on_bodies_gets_smaller_chunks) {
  large_bytes = 8u << 20;
  restart();
  const auto bytes = add(name(), 9u << 20);
  target_way->plan = [&](const proxied_request& r) {
    if (r.method != "PATCH" || r.length <= 2u << 20) return proxy_plan{};
    return proxy_plan{.answer = http_answer(413, "Connection: close\r\n"), .answer_early = true};
  };
  expect_copied(name(), bytes);
  EXPECT_EQ(target_way->seen.back().method, "PUT");
}

TEST_F(upload_faults, chunks_have_the_length_a_registry_asks_for) {
  large_bytes = 300'000;
  restart();
  const auto bytes = add(name(), size);
  nth("POST", 0, {.add_to_answer = "OCI-Chunk-Min-Length: 1000000\r\n"});
  expect_copied(name(), bytes);
  EXPECT_EQ(target_way->count("PATCH"), 4u);
  EXPECT_EQ(sent(), size);
}

TEST_F(upload_faults, a_sha512_blob_is_copied_and_verified) {
  const auto bytes = add(name(), size);
  const auto d = digest::of(bytes, digest_algorithm::sha512);
  const auto long_push = [&]() -> engine::task<> {
    auto to = co_await plain_source->begin_blob(name(), d, size, std::nullopt);
    if (!to) co_return pass(std::move(to));
    if (auto sent = co_await (*to)->write(boost::asio::buffer(bytes)); !sent) co_return sent;
    co_return co_await (*to)->finish(d);
  };
  ASSERT_TRUE(run(long_push()));
  ASSERT_EQ(*bring(name(), bytes, digest_algorithm::sha512), engine::blob_outcome::copied);
  expect_whole(name(), bytes, digest_algorithm::sha512);
  EXPECT_EQ(*run(plain_target->stat_blob(name(), digest::of(bytes))), size) << "Distribution's own name for it";
}

TEST_F(upload_faults, a_mount_of_a_sha512_blob_that_made_nothing_becomes_an_upload) {
  const auto bytes = add(name(), size);
  const auto d = digest::of(bytes, digest_algorithm::sha512);
  const auto long_push = [&](std::string repository) -> engine::task<> {
    auto to = co_await plain_source->begin_blob(repository, d, size, std::nullopt);
    if (!to) co_return pass(std::move(to));
    if (auto sent = co_await (*to)->write(boost::asio::buffer(bytes)); !sent) co_return sent;
    co_return co_await (*to)->finish(d);
  };
  for (const char* r : {"", "/2", "/3"}) {
    ASSERT_TRUE(run(long_push(name() + r)));
    const auto outcome = bring(name() + r, bytes, digest_algorithm::sha512);
    ASSERT_TRUE(outcome) << outcome.error().text;
    expect_whole(name() + r, bytes, digest_algorithm::sha512);
  }
  EXPECT_EQ(target_way->count("POST", "mount="), 1u) << "once is enough to know";
}

}  // namespace
}  // namespace longshore::tests
