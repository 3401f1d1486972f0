#include "api/authenticator.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "api/registry_client.h"
#include "scripted_server.h"
#include "test_certificates.h"

namespace longshore::api {
namespace {

using tests::response;
using tests::seen_request;

class authenticator_test : public testing::Test {
 protected:
  registry_client& client(std::optional<credential> c = std::nullopt) {
    registry_options o;
    o.address = registry.url();
    if (c) {
      o.credentials = [this, c](std::string host, std::string repository) -> task<std::optional<credential>> {
        ++asked;
        asked_for = host + " " + repository;
        co_return c;
      };
    }
    return make(std::move(o));
  }
  registry_client& make(registry_options o) {
    auto made = registry_client::create(io.get_executor(), now, std::move(o));
    EXPECT_TRUE(made);
    return *(client_ = std::move(*made));
  }
  std::string challenge(const std::string& scope = "repository:a/b:pull", const std::string& realm = "") {
    return "Bearer realm=\"" + (realm.empty() ? token_service.url("/token?x=1") : realm) +
           "\",service=\"the registry\",scope=\"" + scope + "\"";
  }
  void challenges(const std::string& value) { registry.reply(response(401, {{"WWW-Authenticate", value}})); }
  void gives_token(const std::string& token, int seconds) {
    token_service.reply(
        response(200, {}, R"({"token":")" + token + R"(","expires_in":)" + std::to_string(seconds) + "}"));
  }
  void gives_tags() { registry.reply(response(200, {}, R"({"name":"a/b","tags":["x"]})")); }
  result<engine::tag_page> tags() {
    result<engine::tag_page> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> { out = co_await client_->list_tags("a/b", {}); });
    return out;
  }

  boost::asio::io_context io;
  tests::scripted_server registry{io}, token_service{io};
  manual_clock now{{1'800'000'000'000'000}};
  std::unique_ptr<registry_client> client_;
  int asked = 0;
  std::string asked_for;
};

TEST_F(authenticator_test, a_challenge_is_answered_with_a_token_and_the_request_repeated) {
  client(credential{"me", "pass:word", "", ""});
  challenges(challenge());
  gives_token("t1", 300);
  gives_tags();
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[0].header("Authorization"), "");
  EXPECT_EQ(registry.seen[1].header("Authorization"), "Bearer t1");
  ASSERT_EQ(token_service.seen.size(), 1u);
  EXPECT_EQ(token_service.seen[0].target,
            "/token?x=1&service=the%20registry&scope=repository%3Aa%2Fb%3Apull&client_id=longshore&account=me");
  EXPECT_EQ(token_service.seen[0].header("Authorization"), "Basic bWU6cGFzczp3b3Jk");
  EXPECT_EQ(asked_for, registry.address() + " a/b");
}

TEST_F(authenticator_test, a_token_is_used_until_ten_seconds_before_its_end_and_then_renewed_unasked) {
  client();
  challenges(challenge());
  gives_token("t1", 100);
  for (int i = 0; i < 4; ++i) gives_tags();
  ASSERT_TRUE(tags());
  now.advance_us(89'000'000);
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[2].header("Authorization"), "Bearer t1");
  now.advance_us(2'000'000);
  gives_token("t2", 100);
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[3].header("Authorization"), "Bearer t2");
  EXPECT_EQ(token_service.seen.size(), 2u);
}

TEST_F(authenticator_test, a_lifetime_below_a_minute_or_none_counts_as_a_minute) {
  client();
  challenges(challenge());
  token_service.reply(response(200, {}, R"({"access_token":"t1","expires_in":5})"));
  gives_tags();
  gives_tags();
  ASSERT_TRUE(tags());
  now.advance_us(49'000'000);
  ASSERT_TRUE(tags());
  EXPECT_EQ(token_service.seen.size(), 1u);
}

TEST_F(authenticator_test, a_token_refused_before_its_time_is_replaced_once) {
  client();
  challenges(challenge());
  gives_token("t1", 300);
  gives_tags();
  ASSERT_TRUE(tags());
  challenges(challenge());
  gives_token("t2", 300);
  gives_tags();
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[3].header("Authorization"), "Bearer t2");
}

TEST_F(authenticator_test, a_token_service_that_answers_without_end_is_no_fault_of_what_was_asked_for) {
  client();
  challenges(challenge());
  token_service.reply(response(200, {}, std::string(300'000, ' ')));
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unavailable) << r.error().text;
}

TEST_F(authenticator_test, a_second_401_is_a_denial) {
  client(credential{"me", "wrong", "", ""});
  challenges(challenge());
  gives_token("t1", 300);
  registry.reply(response(401, {{"WWW-Authenticate", challenge()}},
                          R"({"errors":[{"code":"UNAUTHORIZED","message":"not for you"}]})"));
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
  EXPECT_NE(r.error().text.find("not for you"), std::string::npos) << r.error().text;
  EXPECT_EQ(registry.seen.size(), 2u);
}

TEST_F(authenticator_test, basic_credentials_are_sent_after_a_basic_challenge_and_at_once_thereafter) {
  client(credential{"me", "pw", "", ""});
  challenges("Basic realm=\"x\"");
  gives_tags();
  gives_tags();
  ASSERT_TRUE(tags());
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[0].header("Authorization"), "");
  EXPECT_EQ(registry.seen[1].header("Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(registry.seen[2].header("Authorization"), "Basic bWU6cHc=");
  EXPECT_EQ(asked, 1);
}

TEST_F(authenticator_test, a_basic_challenge_without_credentials_says_that_they_are_missing) {
  client();
  challenges("Basic realm=\"x\"");
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
  EXPECT_EQ(registry.seen.size(), 1u);
}

TEST_F(authenticator_test, an_identity_token_is_posted_as_a_refresh_token) {
  client(credential{"", "", "refresh/me", ""});
  challenges(challenge());
  gives_token("t1", 300);
  gives_tags();
  ASSERT_TRUE(tags());
  const auto& r = token_service.seen.at(0);
  EXPECT_EQ(r.method, "POST");
  EXPECT_EQ(r.header("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(r.body,
            "grant_type=refresh_token&client_id=longshore&service=the%20registry&scope=repository%3Aa%2Fb%3Apull&"
            "refresh_token=refresh%2Fme");
  EXPECT_EQ(r.header("Authorization"), "");
}

TEST_F(authenticator_test, a_registry_token_is_sent_verbatim_and_no_service_asked) {
  client(credential{"", "", "", "given"});
  challenges(challenge());
  gives_tags();
  ASSERT_TRUE(tags());
  EXPECT_EQ(registry.seen[1].header("Authorization"), "Bearer given");
  EXPECT_TRUE(token_service.seen.empty());
}

TEST_F(authenticator_test, concurrent_requests_share_one_visit_to_the_token_service) {
  client();
  challenges(challenge());
  challenges(challenge());
  challenges(challenge());
  gives_token("t1", 300);
  for (int i = 0; i < 3; ++i) gives_tags();
  int done = 0;
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    for (int i = 0; i < 3; ++i) {
      boost::asio::co_spawn(
          io,
          [&]() -> boost::asio::awaitable<void> {
            EXPECT_TRUE(co_await client_->list_tags("a/b", {}));
            ++done;
          },
          boost::asio::detached);
    }
    while (done < 3) co_await boost::asio::post(boost::asio::use_awaitable);
  });
  EXPECT_EQ(token_service.seen.size(), 1u);
}

TEST_F(authenticator_test, a_token_service_that_refuses_is_unauthorized_and_one_that_fails_is_unavailable) {
  client(credential{"me", "wrong", "", ""});
  challenges(challenge());
  token_service.reply(response(401));
  auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
  EXPECT_EQ(r.error().text.find("wrong"), std::string::npos);
  token_service.reply(response(503, {{"Retry-After", "7"}}));
  r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unavailable);
  EXPECT_EQ(r.error().retry_after_ms, 7'000);
}

TEST_F(authenticator_test, answers_of_a_token_service_that_hold_no_sendable_token_are_refused) {
  for (const char* body : {"", "[]", "{}", R"({"token":5})", R"({"token":""})", R"({"token":"a\r\nX-Evil: 1"})"}) {
    client();
    challenges(challenge());
    token_service.reply(response(200, {}, body));
    const auto r = tags();
    ASSERT_FALSE(r) << body;
    EXPECT_EQ(r.error().code, errc::unavailable);
  }
}

TEST_F(authenticator_test, a_redirect_of_the_token_service_is_not_followed) {
  client(credential{"me", "pw", "", ""});
  challenges(challenge());
  token_service.reply(response(307, {{"Location", registry.url("/steal")}}));
  EXPECT_FALSE(tags());
  EXPECT_EQ(registry.seen.size(), 1u);
}

TEST_F(authenticator_test, an_unknown_way_of_asking_is_unauthorized) {
  client(credential{"me", "pw", "", ""});
  challenges("Negotiate");
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
}

// A registry elsewhere, as the authenticator sees it: no connection is made.
result<std::string> answer_of(boost::asio::io_context& io, const std::string& registry, const std::string& realm,
                              bool allow_local) {
  manual_clock now{{0}};
  auto http = http_client::create(io.get_executor(), {});
  authenticator auth(**http, now, {*url::parse(registry), {}, std::nullopt, allow_local});
  result<std::string> out = fail(errc::stopped, "not run");
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    out = co_await auth.answer(parse_challenges({"Bearer realm=\"" + realm + "\""}), {"repository:a:pull"}, "a", "");
  });
  return out;
}

TEST(token_realms, one_on_this_machine_is_refused_when_the_registry_is_elsewhere) {
  boost::asio::io_context io;
  for (const char* realm : {"https://127.0.0.1/token", "https://localhost/token", "https://169.254.169.254/latest",
                            "https://[::1]/token", "https://[fe80::1]/token"}) {
    const auto r = answer_of(io, "https://registry.example", realm, false);
    ASSERT_FALSE(r) << realm;
    EXPECT_EQ(r.error().code, errc::denied) << r.error().text;
  }
}

TEST(token_realms, a_registry_on_this_machine_names_none_on_the_link) {
  boost::asio::io_context io;
  const auto r = answer_of(io, "http://127.0.0.1:5000", "http://169.254.169.254/latest", false);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::denied) << r.error().text;
}

TEST(token_realms, one_without_tls_is_refused_when_the_registry_has_tls) {
  boost::asio::io_context io;
  const auto r = answer_of(io, "https://registry.example", "http://auth.example/token", true);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::denied);
}

TEST(token_realms, one_that_is_no_http_address_is_refused) {
  boost::asio::io_context io;
  for (const char* realm : {"", "token", "file:///etc/passwd", "https://user:pw@auth.example/"}) {
    const auto r = answer_of(io, "https://registry.example", realm, true);
    ASSERT_FALSE(r) << realm;
    EXPECT_EQ(r.error().code, errc::unauthorized) << "nobody's item is to be given up for it";
  }
}

class shared_key_test : public authenticator_test {
 protected:
  void SetUp() override {
    key = *signing_key::from_pem(tests::new_private_key(tests::key_type::p256));
    registry_options o;
    o.address = registry.url();
    o.shared = shared_key{.key = key, .issuer = "our-issuer"};
    make(std::move(o));
  }
  std::shared_ptr<const signing_key> key;
};

TEST_F(shared_key_test, a_token_is_sent_at_once_and_signed_anew_when_it_runs_out) {
  for (int i = 0; i < 3; ++i) gives_tags();
  ASSERT_TRUE(tags());
  now.advance_us(280'000'000);
  ASSERT_TRUE(tags());
  now.advance_us(20'000'000);
  ASSERT_TRUE(tags());
  const auto first = registry.seen[0].header("Authorization");
  EXPECT_EQ(first.substr(0, 10), "Bearer eyJ");
  EXPECT_EQ(registry.seen[1].header("Authorization"), first);
  EXPECT_NE(registry.seen[2].header("Authorization"), first);
  EXPECT_TRUE(token_service.seen.empty());
}

TEST_F(shared_key_test, a_refused_token_names_the_issuer_the_key_and_the_remedy) {
  challenges(challenge() + ",error=\"invalid_token\"");
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
  for (const std::string& part :
       {std::string("token from untrusted issuer"), std::string("auth.token.issuer"), std::string("\"our-issuer\""),
        std::string("rootcertbundle"), key->kid(), std::string("\"the registry\"")}) {
    EXPECT_NE(r.error().text.find(part), std::string::npos) << part << " in " << r.error().text;
  }
  EXPECT_TRUE(token_service.seen.empty());
}

TEST_F(shared_key_test, a_token_that_is_trusted_but_does_not_suffice_is_another_matter) {
  challenges(challenge() + ",error=\"insufficient_scope\"");
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::denied);
}

TEST_F(shared_key_test, a_registry_without_token_authentication_is_named_as_such) {
  challenges("Basic realm=\"x\"");
  const auto r = tags();
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unauthorized);
  EXPECT_NE(r.error().text.find("auth: token"), std::string::npos);
}

}  // namespace
}  // namespace longshore::api
