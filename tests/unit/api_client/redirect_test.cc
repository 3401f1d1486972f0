#include "engine/failure.h"
#include "registry_fixture.h"
#include "test_certificates.h"

namespace longshore::api {
namespace {

using tests::response;

class redirect_test : public tests::registry_fixture {
 protected:
  void with_credentials() {
    registry_options o;
    o.credentials = [](std::string, std::string) -> task<std::optional<credential>> {
      co_return credential{"me", "pw", "", ""};
    };
    make(std::move(o));
    server.reply(response(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}));
  }
  void redirects_to(const std::string& location, int status = 307) {
    server.reply(response(status, {{"Location", location}}, "moved"));
  }
  tests::scripted_server store{io};
  const std::string body = "the blob";
  const digest d = digest::of(body);
};

TEST_F(redirect_test, a_blob_is_read_from_where_the_registry_says_without_its_credentials) {
  with_credentials();
  redirects_to(store.url("/bucket/k?X-Sig=a%2Fb%2b&e=1"));
  store.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
  EXPECT_EQ(server.seen[1].header("Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(store.seen[0].target, "/bucket/k?X-Sig=a%2Fb%2b&e=1");
  EXPECT_EQ(store.seen[0].header("Authorization"), "");
  EXPECT_EQ(store.seen[0].header("Cookie"), "");
}

TEST_F(redirect_test, a_redirect_within_the_registry_keeps_the_credentials) {
  with_credentials();
  redirects_to("/elsewhere", 302);
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
  EXPECT_EQ(server.seen[2].target, "/elsewhere");
  EXPECT_EQ(server.seen[2].header("Authorization"), "Basic bWU6cHc=");
}

TEST_F(redirect_test, credentials_come_back_only_with_the_registry_itself) {
  with_credentials();
  redirects_to(store.url("/first"));
  store.reply(response(308, {{"Location", server.url("/second")}}));
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
  EXPECT_EQ(store.seen[0].header("Authorization"), "");
  EXPECT_EQ(server.seen[2].header("Authorization"), "Basic bWU6cHc=");
}

TEST_F(redirect_test, the_range_is_asked_for_at_the_end_of_the_redirect_too) {
  redirects_to(store.url("/k"));
  store.reply(response(206, {{"Content-Range", "bytes 4-7/8"}}, "blob"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "blob");
  EXPECT_EQ(store.seen[0].header("Range"), "bytes=4-");
}

TEST_F(redirect_test, a_registry_on_this_machine_does_not_lead_to_addresses_of_the_link) {
  for (const char* location : {"http://169.254.169.254/latest/", "http://[fe80::1]/x"}) {
    redirects_to(location);
    const auto why = failure(read_all("a", d, 0));
    EXPECT_EQ(why.code, errc::denied) << location;
    EXPECT_NE(why.text.find("allow_local_redirects"), std::string::npos) << why.text;
  }
}

TEST_F(redirect_test, five_redirects_are_followed_and_no_sixth) {
  for (int i = 0; i < 5; ++i) redirects_to("/next");
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
  for (int i = 0; i < 6; ++i) redirects_to("/next");
  EXPECT_EQ(failure(read_all("a", d, 0)).code, errc::unavailable);
  EXPECT_EQ(server.seen.size(), 12u);
}

// It is no fault of the blob: it is tried again, and never given up.
TEST_F(redirect_test, an_address_that_leads_nowhere_is_the_hosts_trouble) {
  for (const char* location :
       {"ftp://store.example/k", "http://me:pw@store.example/k", "http://", "http://h:0/", "::"}) {
    redirects_to(location);
    const auto read = failure(read_all("a", d, 0));
    EXPECT_EQ(read.code, errc::unavailable) << location << ": " << read.text;
    EXPECT_EQ(engine::remedy_for(read.code, true), engine::remedy::retry);
    server.reply(response(202, {{"Location", location}}));
    EXPECT_EQ(failure(push("a", body, std::nullopt)).code, errc::unavailable) << location;
  }
}

class one_connection_test : public redirect_test {
 protected:
  void SetUp() override {
    registry_options o;
    o.http.pool.per_host = 1;
    o.http.pool.kept_for_small = 0;
    make(std::move(o));
  }
  void wants_a_token() {
    server.reply(response(401, {{"WWW-Authenticate", "Bearer realm=\"" + server.url("/token") + "\",service=\"s\""}}));
    gives_token("t1");
  }
  void gives_token(const std::string& token) {
    server.reply(response(200, {}, R"({"token":")" + token + R"(","expires_in":60})"));
  }
};

TEST_F(one_connection_test, a_redirect_is_followed_though_the_token_ran_out_meanwhile) {
  wants_a_token();
  server.reply([&](const tests::seen_request&) {
    now.advance_us(59'000'000);
    return tests::scripted_reply{response(307, {{"Location", "/elsewhere"}}, "moved")};
  });
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
  EXPECT_EQ(server.seen.back().target, "/elsewhere");
  EXPECT_EQ(server.seen.back().header("Authorization"), "Bearer t1");
  EXPECT_EQ(server.connections(), 1u);
}

TEST_F(one_connection_test, a_redirect_whose_text_is_not_read_to_its_end_is_followed) {
  server.reply(response(307, {{"Location", "/elsewhere"}}, std::string(300'000, 'x')));
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 0)).value(), body);
}

TEST_F(one_connection_test, going_on_with_a_blob_waits_for_nobody_though_its_token_ran_out) {
  wants_a_token();
  server.reply(response(200, {}, body));
  auto held = get(client->open_blob("a", d, 0));
  ASSERT_TRUE(held);
  now.advance_us(59'000'000);
  gives_token("t2");
  server.reply(response(206, {{"Content-Range", "bytes 4-7/8"}}, "blob"));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), "blob");
  EXPECT_EQ(server.seen.back().header("Authorization"), "Bearer t2");
}

TEST_F(one_connection_test, going_on_with_a_blob_waits_for_nobody_though_its_range_is_refused) {
  server.reply(response(200, {}, body));
  auto held = get(client->open_blob("a", d, 0));  // another transfer holds the only connection
  ASSERT_TRUE(held);
  server.reply(response(416, {}, "no"));
  server.reply(response(200, {}, body));
  EXPECT_EQ(get(read_all("a", d, 4)).value(), body.substr(4));
}

TEST_F(redirect_test, a_store_that_refuses_is_not_a_missing_blob) {
  redirects_to(store.url("/k"));
  store.reply(response(403, {}, "<Error><Code>AccessDenied</Code></Error>"));
  EXPECT_EQ(failure(read_all("a", d, 0)).code, errc::denied);
  redirects_to(store.url("/k"));
  store.reply(response(404, {}, "<Error><Code>NoSuchKey</Code></Error>"));
  EXPECT_EQ(failure(read_all("a", d, 0)).code, errc::unavailable);
}

TEST_F(redirect_test, the_size_of_a_blob_whose_signed_address_allows_no_head_is_found_by_get) {
  redirects_to(store.url("/k"));
  store.reply("HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\n");
  redirects_to(store.url("/k"));
  store.reply(response(206, {{"Content-Range", "bytes 0-0/8"}}, "t"));
  EXPECT_EQ(get(client->stat_blob("a", d)).value(), 8u);
}

TEST_F(redirect_test, a_step_from_https_to_http_is_refused) {
  const auto ca = tests::self_signed("ca", tests::key_type::p256);
  const auto own = tests::issued_by(ca, "IP:127.0.0.1");
  boost::asio::ssl::context context(boost::asio::ssl::context::tls_server);
  context.use_certificate(boost::asio::buffer(own.certificate_pem), boost::asio::ssl::context::pem);
  context.use_private_key(boost::asio::buffer(own.key_pem), boost::asio::ssl::context::pem);
  tests::scripted_server secure(io, &context);
  tests::temporary_directory directory;
  registry_options o;
  o.address = secure.url();
  o.http.ca_file = directory.write("ca.pem", ca.certificate_pem);
  make(std::move(o));
  secure.reply(response(307, {{"Location", store.url("/k")}}));
  const auto e = failure(read_all("a", d, 0));
  EXPECT_EQ(e.code, errc::denied) << e.text;
  EXPECT_EQ(store.connections(), 0u);
  secure.reply(response(202, {{"Location", store.url("/upload")}}));
  EXPECT_EQ(failure(push("a", body, std::nullopt)).code, errc::denied);
  EXPECT_EQ(store.connections(), 0u);
}

// What a name leads to may be this machine today; the registry is configured by a name.
TEST(local_addresses, a_registry_whose_name_resolves_to_this_machine_leads_nowhere_on_it) {
  boost::asio::io_context io;
  manual_clock now{{0}};
  tests::scripted_server server(io);
  auto http = http_client::create(io.get_executor(), {});
  auto registry = *url::parse(server.url());
  registry.host = "registry.example";
  authenticator auth(**http, now, {registry, {}, std::nullopt, false});
  registry_session session(**http, auth, registry, false);
  http_head answer;
  answer.from = registry;
  answer.headers.set("Location", server.url("/u"));
  EXPECT_EQ(session.upload_location(answer).error().code, errc::denied);
  http_request there;
  there.to = *url::parse(server.url());
  there.to.host = "localhost";
  for (const auto reach : {local_reach::none, local_reach::loopback}) {
    there.reach = reach;
    server.reply(response(200));
    result<http_response> got = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> { got = co_await (*http)->send(there, 100); });
    EXPECT_EQ(got.has_value(), reach == local_reach::loopback);
  }
}

// The rule for addresses of this machine cannot be shown with a registry on this machine, which is allowed them: a
// session that believes its registry to be elsewhere shows it.
TEST(local_addresses, an_upload_address_on_this_machine_is_refused_when_the_registry_is_elsewhere) {
  boost::asio::io_context io;
  manual_clock now{{0}};
  auto http = http_client::create(io.get_executor(), {});
  const auto registry = *url::parse("https://registry.example");
  authenticator auth(**http, now, {registry, {}, std::nullopt, false});
  registry_session strict(**http, auth, registry, false), lenient(**http, auth, registry, true);
  http_head answer;
  answer.from = *registry.resolve("/v2/a/blobs/uploads/");
  for (const char* location :
       {"https://127.0.0.1/u", "https://localhost:5000/u", "https://169.254.169.254/latest/", "https://[::1]/u"}) {
    answer.headers.set("Location", location);
    EXPECT_EQ(strict.upload_location(answer).error().code, errc::denied) << location;
    EXPECT_TRUE(lenient.upload_location(answer)) << location;
  }
  answer.headers.set("Location", "https://uploads.example/u?x");
  EXPECT_TRUE(strict.upload_location(answer));
  answer.headers.remove("Location");
  EXPECT_EQ(strict.upload_location(answer).error().code, errc::unavailable);
}

}  // namespace
}  // namespace longshore::api
