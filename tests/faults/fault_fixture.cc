#include "tests/faults/fault_fixture.h"

namespace longshore::tests {

namespace asio = boost::asio;

std::unique_ptr<registry_process> fault_fixture::source_registry, fault_fixture::target_registry;

engine::task<> noted_pauses::pause(std::int64_t ms) {
  asked.push_back(ms);
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
  co_return result<void>();
}

void fault_fixture::SetUpTestSuite() {
  if (!registry_process::available()) return;
  for (auto* one : {&source_registry, &target_registry}) {
    auto started = registry_process::start({});
    ASSERT_TRUE(started) << started.error().text;
    *one = *std::move(started);
  }
}

void fault_fixture::TearDownTestSuite() {
  source_registry.reset();
  target_registry.reset();
}

void fault_fixture::SetUp() {
  if (!registry_process::available()) {
    GTEST_SKIP() << "SKIPPED: /usr/bin/docker-registry is missing; install Debian's docker-registry to run this test";
  }
  ASSERT_TRUE(source_registry && target_registry);
  source_way = std::make_unique<fault_proxy>(io, source_registry->port());
  target_way = std::make_unique<fault_proxy>(io, target_registry->port());
  plain_source = client_of(source_registry->url());
  plain_target = client_of(target_registry->url());
  restart();
}

std::unique_ptr<api::registry_client> fault_fixture::client_of(const std::string& address) {
  api::registry_options o;
  o.address = address;
  o.http = http;
  o.large_bytes = large_bytes;
  auto made = api::registry_client::create(io.get_executor(), now, std::move(o));
  EXPECT_TRUE(made);
  return *std::move(made);
}

void fault_fixture::restart() {
  copies.reset();
  source = client_of(source_way->url());
  target = client_of(target_way->url());
  options.journal_bytes_min = large_bytes;
  copies = std::make_unique<engine::copier>(engine::copier_world{*source, *target, where, pauses}, options);
}

namespace {

std::string told(const fault_proxy& way) {
  std::string out;
  for (const auto& r : way.seen) {
    out += r.method + " " + r.target.substr(0, 60) + " " + r.header("Content-Range") + " status " +
           std::to_string(r.status) + ", " + std::to_string(r.body_in) + " of " + std::to_string(r.length) + " in, " +
           std::to_string(r.body_out) + " out\n";
  }
  return out;
}

}  // namespace

void fault_fixture::run_body(asio::awaitable<void> body) {
  bool done = false;
  asio::co_spawn(io, std::move(body), [&](std::exception_ptr e) {
    done = true;
    io.stop();
    if (e) std::rethrow_exception(e);
  });
  io.restart();
  io.run_for(std::chrono::minutes(2));
  ASSERT_TRUE(done) << "the test did not come to its end; the target saw\n" << told(*target_way);
}

std::string fault_fixture::add(const std::string& repository, std::size_t size) {
  std::string bytes(size, '\0');
  std::uint64_t x = 88'172'645'463'325'252u + size;
  for (const char c : repository) x = x * 31 + static_cast<unsigned char>(c);
  for (auto& b : bytes) {
    x ^= x << 13, x ^= x >> 7, x ^= x << 17;
    b = static_cast<char>(x);
  }
  add(repository, bytes);
  return bytes;
}

void fault_fixture::add(const std::string& repository, const std::string& bytes) {
  const auto pushed = run(push(*plain_source, repository, bytes));
  ASSERT_TRUE(pushed) << pushed.error().text;
}

engine::task<> fault_fixture::push(api::registry_client& to, std::string repository, std::string bytes) {
  const auto d = digest::of(bytes);
  auto writer = co_await to.begin_blob(repository, d, bytes.size(), std::nullopt);
  if (!writer) co_return pass(std::move(writer));
  if (auto sent = co_await (*writer)->write(asio::buffer(bytes)); !sent) co_return sent;
  co_return co_await (*writer)->finish(d);
}

engine::task<std::string> fault_fixture::read(api::registry_client& from, std::string repository, digest d) {
  auto reader = co_await from.open_blob(std::move(repository), std::move(d), 0);
  if (!reader) co_return pass(std::move(reader));
  std::string out;
  std::string piece(256 * 1024, '\0');
  for (;;) {
    auto n = co_await (*reader)->read(asio::buffer(piece));
    if (!n) co_return pass(std::move(n));
    if (*n == 0) co_return out;
    out.append(piece, 0, *n);
  }
}

result<engine::blob_outcome> fault_fixture::bring(const std::string& repository, const std::string& bytes,
                                                  digest_algorithm algorithm) {
  return run(copies->bring({repository, digest::of(bytes, algorithm), bytes.size(), {}, nullptr}));
}

void fault_fixture::expect_whole(const std::string& repository, const std::string& bytes, digest_algorithm algorithm) {
  const auto there = run(read(*plain_target, repository, digest::of(bytes, algorithm)));
  ASSERT_TRUE(there) << there.error().text;
  EXPECT_TRUE(*there == bytes);
}

}  // namespace longshore::tests
