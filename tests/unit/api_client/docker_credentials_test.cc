#include "api/docker_credentials.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "engine/failure.h"
#include "scripted_server.h"
#include "test_certificates.h"

namespace longshore::api {
namespace {

std::string names(const docker_answer& a) {
  return a.found ? a.found->username + "/" + a.found->password : std::string("none");
}

TEST(docker_config, a_packed_pair_is_split_at_its_first_colon) {
  const auto a = look_up(R"({"auths":{"r:5000":{"auth":"dXNlcjpwOmFzcw=="}}})", "r:5000", "x");
  ASSERT_TRUE(a);
  EXPECT_EQ(names(*a), "user/p:ass");
}

TEST(docker_config, older_spellings_of_a_host_and_docker_hubs_are_found) {
  const std::string config =
      R"({"auths":{"https://old.example/v1/":{"username":"o","password":"1"},
                   "https://index.docker.io/v1/":{"username":"h","password":"2"}}})";
  EXPECT_EQ(names(*look_up(config, "old.example", "")), "o/1");
  EXPECT_EQ(names(*look_up(config, "registry-1.docker.io", "")), "h/2");
  EXPECT_EQ(names(*look_up(config, "docker.io", "library/busybox")), "h/2");
  EXPECT_EQ(names(*look_up(config, "other.example", "")), "none");
}

TEST(docker_config, the_most_specific_namespace_wins) {
  const std::string config =
      R"({"auths":{"r":{"username":"all","password":""},"r/group":{"username":"group","password":""},
                   "r/group/app":{"username":"app","password":""}}})";
  EXPECT_EQ(look_up(config, "r", "group/app")->found->username, "app");
  EXPECT_EQ(look_up(config, "r", "group/application")->found->username, "group");
  EXPECT_EQ(look_up(config, "r", "groups")->found->username, "all");
}

TEST(docker_config, tokens_of_both_kinds_are_read) {
  const std::string config = R"({"auths":{"a":{"identitytoken":"refresh"},"b":{"registrytoken":"bearer"},"c":{}}})";
  EXPECT_EQ(look_up(config, "a", "")->found->identity_token, "refresh");
  EXPECT_EQ(look_up(config, "b", "")->found->registry_token, "bearer");
  EXPECT_FALSE(look_up(config, "c", "")->found);
}

TEST(docker_config, a_helper_for_the_host_goes_before_the_store_for_all) {
  const std::string config = R"({"credHelpers":{"r":"special"},"credsStore":"desktop"})";
  EXPECT_EQ(look_up(config, "r", "")->helper, "special");
  EXPECT_EQ(look_up(config, "s", "")->helper, "desktop");
  EXPECT_EQ(look_up(config, "docker.io", "")->server, "https://index.docker.io/v1/");
}

TEST(docker_config, what_is_no_config_is_the_credentials_fault) {
  for (const char* text :
       {"", "[]", "{", R"({"auths":{"r":{"auth":"%%%"}}})", R"({"auths":{"r":{"auth":"dXNlcg=="}}})"}) {
    const auto a = look_up(text, "r", "");
    ASSERT_FALSE(a) << text;
    EXPECT_EQ(a.error().code, errc::unauthorized);
  }
  EXPECT_TRUE(look_up(R"({"auths":7,"credHelpers":[],"credsStore":{}})", "r", ""));
}

TEST(docker_config, the_files_are_looked_for_where_the_tools_put_them) {
  const auto files = docker_credential_files([](const char* name) -> const char* {
    if (std::string_view(name) == "HOME") return "/home/a";
    if (std::string_view(name) == "XDG_RUNTIME_DIR") return "/run/a";
    return nullptr;
  });
  EXPECT_EQ(files,
            (std::vector<std::filesystem::path>{"/run/a/containers/auth.json", "/home/a/.config/containers/auth.json",
                                                "/home/a/.docker/config.json"}));
}

// A file that is being written, or that this process may not read, costs no item its place: it is read anew.
TEST(docker_config, a_file_that_cannot_be_used_is_the_credentials_fault) {
  tests::temporary_directory directory;
  boost::asio::io_context io;
  const auto half = directory.write("half.json", R"({"auths": {"127.0.0.1:56)");
  const auto large = directory.write("large.json", std::string((1u << 20) + 1, ' '));
  for (const auto& file : {half, large, directory.path()}) {
    docker_credentials all(io.get_executor(), {file});
    result<std::optional<credential>> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> { out = co_await all.find("r", ""); });
    ASSERT_FALSE(out) << file;
    EXPECT_EQ(out.error().code, errc::unauthorized) << file;
    EXPECT_NE(out.error().text.find(std::string(file)), std::string::npos) << out.error().text;
    EXPECT_EQ(engine::remedy_for(out.error().code, true), engine::remedy::retry);
  }
}

class credential_helper_test : public testing::Test {
 protected:
  void SetUp() override {
    before_ = ::getenv("PATH");
    ::setenv("PATH", (directory.path().string() + ":" + before_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", before_.c_str(), 1); }

  result<std::optional<credential>> ask(const std::string& script, int limit_ms = 20'000) {
    directory.write("docker-credential-fake", "#!/bin/sh\n" + script + "\n", true);
    const auto file =
        directory.write("config.json", R"({"credsStore":"fake","auths":{"r":{"username":"u","password":"p"}}})");
    docker_credentials all(io.get_executor(), {directory.path() / "absent.json", file},
                           std::chrono::milliseconds(limit_ms));
    result<std::optional<credential>> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> { out = co_await all.find("r", "a/b"); });
    return out;
  }

  tests::temporary_directory directory;
  boost::asio::io_context io;

 private:
  std::string before_;
};

TEST_F(credential_helper_test, the_helper_gets_the_server_and_its_answer_is_taken) {
  const auto c = ask(R"(read -r server || true
[ "$1" = get ] && printf '{"ServerURL":"%s","Username":"from-%s","Secret":"s\\"x"}' "$server" "$server")");
  ASSERT_TRUE(c) << c.error().text;
  ASSERT_TRUE(*c);
  EXPECT_EQ((*c)->username, "from-r");
  EXPECT_EQ((*c)->password, "s\"x");
}

TEST_F(credential_helper_test, the_user_token_marks_an_identity_token) {
  const auto c = ask(R"(printf '{"Username":"<token>","Secret":"refresh-me"}')");
  ASSERT_TRUE(c && *c);
  EXPECT_EQ((*c)->identity_token, "refresh-me");
  EXPECT_EQ((*c)->username, "");
}

TEST_F(credential_helper_test, a_helper_that_knows_no_such_server_leaves_it_to_the_file) {
  const auto c = ask("echo 'credentials not found in native keychain'; exit 1");
  ASSERT_TRUE(c && *c);
  EXPECT_EQ((*c)->username, "u");
}

TEST_F(credential_helper_test, a_helper_that_fails_says_so_in_its_own_words) {
  const auto c = ask("echo 'the key ring is locked'; exit 3");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::unauthorized);
  EXPECT_NE(c.error().text.find("the key ring is locked"), std::string::npos);
}

TEST_F(credential_helper_test, a_helper_that_hangs_is_killed_with_its_children) {
  const auto c = ask("echo $$ > '" + (directory.path() / "pid").string() + "'; sleep 1000 & wait", 300);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::timed_out);
}

TEST_F(credential_helper_test, endless_output_is_cut_off) {
  const auto c = ask("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done");
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::unauthorized);
}

TEST_F(credential_helper_test, an_answer_that_is_not_the_protocols_is_a_failure) {
  EXPECT_FALSE(ask("echo hello"));
  EXPECT_FALSE(ask("echo '{\"Username\":1,\"Secret\":\"x\"}'"));
}

TEST_F(credential_helper_test, a_missing_helper_and_one_with_a_path_for_a_name_are_failures) {
  for (const char* name : {"absent-helper", "../../bin/sh", "a b", ""}) {
    const auto file = directory.write("config.json", std::string(R"({"credHelpers":{"r":")") + name + "\"}}");
    docker_credentials all(io.get_executor(), {file});
    result<std::optional<credential>> out = fail(errc::stopped, "not run");
    tests::run_test(io, [&]() -> boost::asio::awaitable<void> { out = co_await all.find("r", ""); });
    EXPECT_EQ(out.has_value(), *name == '\0') << name;
    if (!out) EXPECT_EQ(out.error().code, errc::unauthorized) << name;
  }
}

}  // namespace
}  // namespace longshore::api
