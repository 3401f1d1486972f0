// The ways of being let in, against a real Distribution 2.8 server.

#include <crypt.h>

#include "registry_fixture.h"
#include "test_certificates.h"
#include "tests/support/registry/registry_process.h"

namespace longshore::api {
namespace {

class real_registry_auth_test : public tests::registry_fixture {
 protected:
  void SetUp() override {
    if (!tests::registry_process::available()) {
      GTEST_SKIP() << "SKIPPED: /usr/bin/docker-registry is missing; install Debian's docker-registry to run this test";
    }
  }
  void start(tests::registry_settings s) {
    registry.reset();
    auto started = tests::registry_process::start(std::move(s));
    ASSERT_TRUE(started) << started.error().text;
    registry = std::move(*started);
  }
  void connect(registry_options o) {
    o.address = registry->url();
    make(std::move(o));
  }
  void connect_as(const std::string& user, const std::string& password) {
    registry_options o;
    o.credentials = [user, password](std::string, std::string) -> task<std::optional<credential>> {
      co_return credential{user, password, "", ""};
    };
    connect(std::move(o));
  }
  void connect_with(std::shared_ptr<const signing_key> key, const std::string& issuer) {
    registry_options o;
    o.shared = shared_key{.key = std::move(key), .issuer = issuer};
    connect(std::move(o));
  }

  tests::temporary_directory directory;
  std::unique_ptr<tests::registry_process> registry;
};

TEST_F(real_registry_auth_test, a_password_opens_what_is_closed_to_others) {
  crypt_data state{};
  const char* salt = crypt_gensalt("$2b$", 4, nullptr, 0);
  ASSERT_NE(salt, nullptr);
  const std::string hash = crypt_r("pass:word", salt, &state);
  ASSERT_EQ(hash.substr(0, 4), "$2b$");
  tests::registry_settings s;
  s.htpasswd = directory.write("htpasswd", "me:" + hash + "\n");
  start(s);
  connect_as("me", "pass:word");
  EXPECT_TRUE(get(push("a", "a layer", std::nullopt)));
  EXPECT_EQ(get(client->stat_blob("a", digest::of("a layer"))).value(), 7u);
  EXPECT_TRUE(get(client->ping()));
  connect_as("me", "wrong");
  EXPECT_EQ(failure(client->ping()).code, errc::unauthorized);
  connect({});
  EXPECT_EQ(failure(client->ping()).code, errc::unauthorized);
}

class shared_key_registry_test : public real_registry_auth_test, public testing::WithParamInterface<tests::key_type> {
 protected:
  void SetUp() override {
    real_registry_auth_test::SetUp();
    if (IsSkipped()) return;
    ours = tests::self_signed("registry key", GetParam());
    const auto wall = ::time(nullptr);
    now.set({static_cast<std::int64_t>(wall) * 1'000'000});
    // Content is put there by a registry without authentication over the same storage.
    tests::registry_settings open;
    open.storage = directory.path() / "storage";
    start(open);
    connect({});
    ASSERT_TRUE(get(push("group/app", "a layer", std::nullopt)));
    tests::registry_settings closed = open;
    closed.token = tests::token_auth_settings{};
    closed.token->rootcertbundle = directory.write("bundle.pem", ours.certificate_pem);
    closed.token->issuer = "the-issuer";
    start(closed);
  }
  std::shared_ptr<const signing_key> key() { return *signing_key::from_pem(ours.key_pem); }
  tests::key_and_certificate ours;
  const digest layer = digest::of("a layer");
};

TEST_P(shared_key_registry_test, tokens_signed_with_the_shared_key_allow_pulling) {
  connect_with(key(), "the-issuer");
  EXPECT_TRUE(get(client->ping()));
  const auto found = get(client->stat_blob("group/app", layer));
  ASSERT_TRUE(found) << found.error().text;
  EXPECT_EQ(*found, 7u);
  EXPECT_EQ(get(read_all("group/app", layer, 0)).value(), "a layer");
  const auto catalog = get(client->list_repositories({}));
  ASSERT_TRUE(catalog) << catalog.error().text;
  EXPECT_EQ(catalog->names, std::vector<std::string>{"group/app"});
}

TEST_P(shared_key_registry_test, tokens_signed_with_the_shared_key_do_not_allow_pushing) {
  connect_with(key(), "the-issuer");
  const auto e = failure(push("group/app", "another layer", std::nullopt));
  EXPECT_EQ(e.code, errc::denied) << e.text;
}

TEST_P(shared_key_registry_test, a_wrong_issuer_is_named_with_the_remedy) {
  connect_with(key(), "another-issuer");
  const auto e = failure(client->stat_blob("group/app", layer));
  EXPECT_EQ(e.code, errc::unauthorized);
  EXPECT_NE(e.text.find("token from untrusted issuer"), std::string::npos) << e.text;
  EXPECT_NE(e.text.find("auth.token.issuer must equal the configured issuer \"another-issuer\""), std::string::npos);
  EXPECT_NE(e.text.find(key()->kid()), std::string::npos);
}

TEST_P(shared_key_registry_test, a_key_that_the_registry_does_not_know_is_named_too) {
  const auto other = *signing_key::from_pem(tests::new_private_key(GetParam()));
  connect_with(other, "the-issuer");
  const auto e = failure(client->stat_blob("group/app", layer));
  EXPECT_EQ(e.code, errc::unauthorized);
  EXPECT_NE(e.text.find("rootcertbundle must hold the certificate of key " + other->kid()), std::string::npos);
}

TEST_P(shared_key_registry_test, a_token_that_ran_out_is_refused_and_a_new_one_signed_in_time) {
  connect_with(key(), "the-issuer");
  now.advance_us(-600'000'000);
  EXPECT_EQ(failure(client->stat_blob("group/app", layer)).code, errc::unauthorized);
  now.advance_us(600'000'000);
  EXPECT_TRUE(get(client->stat_blob("group/app", layer)));
}

INSTANTIATE_TEST_SUITE_P(keys, shared_key_registry_test, testing::Values(tests::key_type::rsa, tests::key_type::p256),
                         [](const auto& k) { return k.param == tests::key_type::rsa ? "rsa" : "p256"; });

}  // namespace
}  // namespace longshore::api
