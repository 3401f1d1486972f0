#include <gtest/gtest.h>

#include <array>
#include <boost/asio.hpp>

#include "api/http_client.h"
#include "scripted_server.h"
#include "test_certificates.h"

namespace longshore::api {
namespace {

class tls_test : public testing::Test {
 protected:
  // The server's certificate is for `name`, signed by `signer`; the client believes `believed`.
  result<http_response> talk(const std::string& host, const std::string& name, const tests::key_and_certificate& signer,
                             const tests::key_and_certificate& believed) {
    const auto own = tests::issued_by(signer, name);
    boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
    context.use_certificate(boost::asio::buffer(own.certificate_pem), boost::asio::ssl::context::pem);
    context.use_private_key(boost::asio::buffer(own.key_pem), boost::asio::ssl::context::pem);
    boost::asio::io_context io;
    tests::scripted_server server(io, &context);
    server.reply(tests::response(200, {}, "private"));
    server.reply(tests::response(200, {}, "again"));
    http_options o;
    o.ca_file = directory.write("ca.pem", believed.certificate_pem);
    auto client = http_client::create(io.get_executor(), o);
    EXPECT_TRUE(client);
    http_request r;
    r.to = *url::parse("https://" + host + ":" + std::to_string(server.port()) + "/");
    result<http_response> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
      out = co_await (*client)->send(r, 1000);
      if (out) out = co_await (*client)->send(r, 1000);
    });
    connections = server.connections();
    requests = server.seen.size();
    return out;
  }

  static void SetUpTestSuite() {
    ours = new tests::key_and_certificate(tests::self_signed("ours", tests::key_type::p256));
    other = new tests::key_and_certificate(tests::self_signed("other", tests::key_type::p256));
  }
  static void TearDownTestSuite() {
    delete ours;
    delete other;
  }
  static tests::key_and_certificate* ours;
  static tests::key_and_certificate* other;
  tests::temporary_directory directory;
  std::size_t connections = 0, requests = 0;
};
tests::key_and_certificate* tls_test::ours = nullptr;
tests::key_and_certificate* tls_test::other = nullptr;

TEST_F(tls_test, a_server_with_a_certificate_for_its_name_is_believed_and_its_connection_kept) {
  const auto r = talk("localhost", "DNS:localhost", *ours, *ours);
  ASSERT_TRUE(r) << r.error().text;
  EXPECT_EQ(r->body, "again");
  EXPECT_EQ(connections, 1u);
}

TEST_F(tls_test, an_address_is_checked_against_the_addresses_of_the_certificate) {
  EXPECT_TRUE(talk("127.0.0.1", "IP:127.0.0.1", *ours, *ours));
  EXPECT_FALSE(talk("127.0.0.1", "IP:127.0.0.2", *ours, *ours));
}

TEST_F(tls_test, a_certificate_for_another_name_is_refused_before_anything_is_sent) {
  const auto r = talk("localhost", "DNS:registry.example", *ours, *ours);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unavailable);
  EXPECT_NE(r.error().text.find("mismatch"), std::string::npos) << r.error().text;
  EXPECT_EQ(requests, 0u);
}

TEST_F(tls_test, a_certificate_of_an_unknown_authority_is_refused_with_the_remedy) {
  const auto r = talk("localhost", "DNS:localhost", *other, *ours);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unavailable);
  EXPECT_NE(r.error().text.find("ca_file"), std::string::npos) << r.error().text;
  EXPECT_EQ(requests, 0u);
}

TEST_F(tls_test, a_server_that_speaks_plain_http_is_told_as_one) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::acceptor plain(io, {asio::ip::address_v4::loopback(), 0});
  const auto serve = [&]() -> asio::awaitable<void> {
    auto peer = co_await plain.async_accept(asio::use_awaitable);
    const std::string answer = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    co_await asio::async_write(peer, asio::buffer(answer), asio::use_awaitable);
    // Until the client goes: a reset could overtake the answer.
    std::array<char, 4096> asked{};
    boost::system::error_code ended;
    while (!ended) co_await peer.async_read_some(asio::buffer(asked), asio::redirect_error(asio::use_awaitable, ended));
  };
  asio::co_spawn(io, serve(), asio::detached);
  auto client = http_client::create(io.get_executor(), {});
  ASSERT_TRUE(client);
  http_request r;
  r.to = *url::parse("https://127.0.0.1:" + std::to_string(plain.local_endpoint().port()) + "/");
  result<http_response> out = fail(errc::stopped, "not run");
  tests::run_test(io, [&]() -> asio::awaitable<void> { out = co_await (*client)->send(r, 1000); });
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, errc::unavailable);
  EXPECT_NE(out.error().text.find("http://"), std::string::npos) << out.error().text;
}

TEST_F(tls_test, an_authority_file_that_is_not_pem_is_refused_by_name) {
  boost::asio::io_context io;
  http_options o;
  o.ca_file = directory.write("broken.pem", "not a certificate");
  const auto client = http_client::create(io.get_executor(), o);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().text.find("broken.pem"), std::string::npos);
}

}  // namespace
}  // namespace longshore::api
