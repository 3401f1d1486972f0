#pragma once

// A registry_client that talks to a scripted server.

#include <gtest/gtest.h>

#include "api/registry_client.h"
#include "scripted_server.h"

namespace longshore::tests {

class registry_fixture : public testing::Test {
 protected:
  void SetUp() override { make({}); }
  void make(api::registry_options o) {
    if (o.address.empty()) o.address = server.url();
    auto made = api::registry_client::create(io.get_executor(), now, std::move(o));
    ASSERT_TRUE(made);
    client = std::move(*made);
  }
  // Runs one verb to its result.
  template <class T>
  result<T> get(engine::task<T> verb) {
    result<T> out = fail(errc::stopped, "not run");
    run_test(io, [&]() -> asio::awaitable<void> { out = co_await std::move(verb); });
    return out;
  }
  template <class T>
  error failure(engine::task<T> verb) {
    auto out = get(std::move(verb));
    EXPECT_FALSE(out);
    return out ? error{errc::stopped, "it succeeded"} : out.error();
  }
  engine::task<std::string> read_all(std::string repository, digest d, std::uint64_t offset) {
    auto reader = co_await client->open_blob(std::move(repository), std::move(d), offset);
    if (!reader) co_return pass(std::move(reader));
    std::string out;
    std::vector<char> piece(1000);
    for (;;) {
      auto n = co_await (*reader)->read(asio::buffer(piece));
      if (!n) co_return pass(std::move(n));
      if (*n == 0) co_return out;
      out.append(piece.data(), *n);
    }
  }
  engine::task<bool> push(std::string repository, std::string body, std::optional<std::string> from) {
    const auto d = digest::of(body);
    auto writer = co_await client->begin_blob(std::move(repository), d, body.size(), std::move(from));
    if (!writer) co_return pass(std::move(writer));
    if (!*writer) co_return false;
    for (std::size_t at = 0; at < body.size(); at += 40'000) {
      auto sent =
          co_await (*writer)->write(asio::buffer(body.data() + at, std::min<std::size_t>(40'000, body.size() - at)));
      if (!sent) co_return pass(std::move(sent));
    }
    auto done = co_await (*writer)->finish(d);
    if (!done) co_return pass(std::move(done));
    co_return true;
  }
  static std::string complaint(const std::string& code) {
    return R"({"errors":[{"code":")" + code + R"(","message":"said so"}]})";
  }

  asio::io_context io;
  scripted_server server{io};
  manual_clock now{{784'111'777'000'000}};  // Sun, 06 Nov 1994 08:49:37 GMT
  std::unique_ptr<api::registry_client> client;
};

}  // namespace longshore::tests
