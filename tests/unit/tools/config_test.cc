#include "tools/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/tools/scratch_dir.h"

namespace longshore::tools {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* primary_toml = R"([site]
name = "berlin"
role = "primary"
data_dir = "data"

[admin]
token = "an-admin-token-of-good-length"

[[source]]
name = "registry"
token = "a-source-token-of-good-length"
)";

constexpr const char* secondary_toml = R"([site]
name = "oslo"
role = "secondary"
data_dir = "/var/lib/longshore"
[admin]
token = "an-admin-token-of-good-length"
[primary]
url = "https://longshore.example.org:5080"
token = "a-follower-token-of-good-length"
[source_registry]
url = "https://registry.example.org"
[target_registry]
url = "http://127.0.0.1:5000"
)";

class config_file : public ::testing::Test {
 protected:
  result<config> load(const std::string& toml, const environment& env = {}) {
    return load_config(dir.write("longshore.toml", toml), env);
  }
  std::string refusal(const std::string& toml, const environment& env = {}) {
    const result<config> c = load(toml, env);
    return c ? "accepted" : c.error().text;
  }
  scratch_dir dir;
};

TEST_F(config_file, a_small_primary_has_the_documented_defaults) {
  const result<config> c = load(primary_toml);
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->site.role, site_role::primary);
  EXPECT_EQ(c->site.data_dir, dir.path() / "data");
  EXPECT_EQ(c->listen.address, "127.0.0.1:5080");
  EXPECT_EQ(c->log.pulls, pull_recording::all);
  ASSERT_EQ(c->sources.size(), 1u);
  EXPECT_EQ(c->sources[0].name, "registry");
  EXPECT_THAT(c->warnings, IsEmpty());
}

TEST_F(config_file, a_registry_has_limits_when_they_are_given) {
  const result<config> none = load(secondary_toml);
  ASSERT_TRUE(none) << none.error().text;
  EXPECT_EQ(none->source_registry->bytes_per_second, 0u);
  EXPECT_EQ(none->source_registry->requests_per_second, 0);
  EXPECT_THAT(none->source_registry->schedule, IsEmpty());
  const result<config> c = load(std::string(secondary_toml) + R"(connections_max = 9
connections_min = 3
bytes_per_second = "20MB"
requests_per_second = 2.5
schedule = ["mon-fri 08:00-18:00 10 MB", "22:00-06:00 0"]
)",
                                {{"LONGSHORE_SOURCE_REGISTRY_REQUESTS_PER_SECOND", "50"},
                                 {"LONGSHORE_SOURCE_REGISTRY_SCHEDULE", "sat 00:00-24:00 1GB,sun 10:00-12:00 1MB"}});
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->target_registry->connections_min, 3u);
  EXPECT_EQ(c->target_registry->bytes_per_second, 20'000'000u);
  EXPECT_EQ(c->target_registry->requests_per_second, 2.5);
  ASSERT_EQ(c->target_registry->schedule.size(), 2u);
  EXPECT_EQ(c->target_registry->schedule[0], engine::parse_schedule_window("mon-fri 08:00-18:00", 10'000'000).value());
  EXPECT_EQ(c->target_registry->schedule[1], engine::parse_schedule_window("22:00-06:00", 0).value());
  EXPECT_EQ(c->source_registry->requests_per_second, 50);
  EXPECT_EQ(c->source_registry->schedule.size(), 2u);
}

TEST_F(config_file, a_limit_that_cannot_be_meant_is_refused_with_its_key_and_what_is_expected) {
  struct {
    const char* line;
    const char* key;
    const char* says;
  } const cases[] = {
      {"bytes_per_second = \"fast\"", "bytes_per_second", "no size: expected"},
      {"bytes_per_second = 999", "bytes_per_second", "out of range: from 1000"},
      {"requests_per_second = \"many\"", "requests_per_second", "expected a number"},
      {"requests_per_second = -1", "requests_per_second", "no number: expected"},
      {"requests_per_second = -0.5", "requests_per_second", "no number: expected"},
      {"requests_per_second = inf", "requests_per_second", "no number: expected"},
      {"requests_per_second = 0.00001", "requests_per_second", "from 0.001"},
      {"schedule = \"08:00-18:00 10MB\"", "schedule", "expected a list of texts"},
      {"schedule = [\"08:00-18:00\"]", "schedule", "lacks a rate: expected"},
      {"schedule = [\"08:00-18:00 fast\"]", "schedule", "no size: expected"},
      {"schedule = [\"08:00-08:00 10MB\"]", "schedule", "names no hours: expected"},
      {"schedule = [\"08:00-09:00 10\"]", "schedule", "out of range: from 1000"},
      {"connections_min = 0", "connections_min", "out of range: from 1"},
      {"connections_min = 17", "connections_min", "to 16"},
  };
  for (const auto& bad : cases) {
    const std::string text = refusal(std::string(secondary_toml) + bad.line + "\n");
    EXPECT_THAT(text, HasSubstr(std::string("target_registry.") + bad.key)) << bad.line;
    EXPECT_THAT(text, HasSubstr(bad.says)) << bad.line;
  }
}

TEST_F(config_file, a_few_connections_are_allowed_without_naming_a_minimum) {
  const result<config> c = load(std::string(secondary_toml) + "connections_max = 1\n");
  EXPECT_TRUE(c) << c.error().text;
}

TEST_F(config_file, a_site_says_how_commands_reach_it) {
  const auto c = load(R"([site]
name = "berlin"
role = "primary"
data_dir = "/var/lib/longshore"
[listen]
address = "0.0.0.0:5080"
url = "https://longshore.example.org:5080"
ca_file = "ca.crt"
[admin]
token = "an-admin-token-of-good-length"
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->listen.url, "https://longshore.example.org:5080");
  EXPECT_EQ(c->listen.ca_file.filename(), "ca.crt");
}

TEST_F(config_file, the_source_registry_is_no_target) {
  const std::string same = R"([site]
name = "oslo"
role = "secondary"
data_dir = "/var/lib/longshore"
[admin]
token = "an-admin-token-of-good-length"
[primary]
url = "https://longshore.example.org:5080"
token = "a-follower-token-of-good-length"
[source_registry]
url = "https://registry.example.org"
[target_registry]
)";
  EXPECT_TRUE(load(same + "url = \"https://registry.example.org:5000\"\n"));
  EXPECT_THAT(refusal(same + "url = \"https://registry.example.org:443\"\n"), HasSubstr("is the source registry"));
}

TEST_F(config_file, the_same_registry_by_another_name_of_this_machine_is_the_same) {
  std::string text(secondary_toml);
  const std::string url = "https://registry.example.org";
  ASSERT_NE(text.find(url), std::string::npos);
  text.replace(text.find(url), url.size(), "http://localhost:5000");
  const std::string target = text.substr(0, text.find("[target_registry]"));
  for (const std::string host : {"localhost", "127.0.0.1", "[::1]"}) {
    EXPECT_THAT(refusal(target + "[target_registry]\nurl = \"http://" + host + ":5000\"\n"),
                HasSubstr("is the source registry"))
        << host;
    EXPECT_TRUE(load(target + "[target_registry]\nurl = \"http://" + host + ":5001\"\n")) << host;
  }
}

TEST_F(config_file, a_secondary_takes_every_kind_of_value) {
  const result<config> c = load(std::string(secondary_toml) + R"(connections_max = 7
stall_timeout = "45s"
username = "u"
password = "p"
[replication]
untagged = false
deletes = "keep"
include = ["team/*", "base"]
tags_include = ["v*", "semver:>=1.2 <2"]
tags_exclude = ["regex:.*-rc[0-9]+"]
platforms = ["linux/amd64"]
media_types_exclude = ["application/vnd.cncf.helm.**"]
retry_max = "10m"
deletes_max_share = 0.25
deletes_min_tags = 3
verify_every = "0s"
verify_rate = "1MiB"
[log]
pulls = "drop_own"
space_min = "1MiB"
)");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->target_registry->connections_max, 7u);
  EXPECT_EQ(c->target_registry->stall_timeout.count(), 45'000);
  EXPECT_EQ(c->target_registry->password, "p");
  EXPECT_FALSE(c->replication.untagged);
  EXPECT_EQ(c->replication.deletes, delete_policy::keep);
  EXPECT_EQ(c->replication.include, (std::vector<std::string>{"team/*", "base"}));
  EXPECT_EQ(c->replication.tags_include, (std::vector<std::string>{"v*", "semver:>=1.2 <2"}));
  EXPECT_EQ(c->replication.tags_exclude, (std::vector<std::string>{"regex:.*-rc[0-9]+"}));
  EXPECT_EQ(c->replication.platforms, (std::vector<std::string>{"linux/amd64"}));
  EXPECT_EQ(c->replication.media_types_exclude, (std::vector<std::string>{"application/vnd.cncf.helm.**"}));
  EXPECT_EQ(c->replication.retry_max.count(), 600'000);
  EXPECT_EQ(c->replication.deletes_max_share, 0.25);
  EXPECT_EQ(c->replication.deletes_min_tags, 3u);
  EXPECT_EQ(c->replication.verify_every.count(), 0);
  EXPECT_EQ(c->replication.verify_rate, 1'048'576u);
  EXPECT_EQ(c->log.pulls, pull_recording::drop_own);
  EXPECT_EQ(c->log.space_min, 1'048'576u);
}

TEST_F(config_file, an_unknown_key_names_its_line_and_the_nearest_key) {
  const std::string text = refusal(std::string(primary_toml) + "[listen]\nadress = \"127.0.0.1:1\"\n");
  EXPECT_THAT(text, HasSubstr("longshore.toml:13: unknown key listen.adress; did you mean listen.address?"));
}

TEST_F(config_file, an_unknown_section_names_its_line_and_the_nearest_section) {
  const std::string text = refusal(std::string(primary_toml) + "[target_registy]\n");
  EXPECT_THAT(text, HasSubstr("longshore.toml:12: unknown section [target_registy]; did you mean target_registry?"));
}

TEST_F(config_file, a_section_written_in_the_wrong_brackets_is_told_the_right_ones) {
  EXPECT_THAT(refusal("[source]\nname = \"x\"\n"), HasSubstr("write [[source]]"));
  EXPECT_THAT(refusal("[[site]]\nname = \"x\"\n"), HasSubstr("single brackets"));
  EXPECT_THAT(refusal("site = 5\n"), HasSubstr("site is a section"));
}

TEST_F(config_file, text_that_is_not_toml_names_its_line) {
  EXPECT_THAT(refusal("[site]\nname = \n"), HasSubstr("longshore.toml:2"));
}

TEST_F(config_file, a_missing_file_is_not_found) {
  const result<config> c = load_config(dir.path() / "none.toml", {});
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code, errc::not_found);
}

TEST_F(config_file, the_environment_wins_over_the_file) {
  const result<config> c = load(primary_toml, {{"LONGSHORE_SITE_NAME", "paris"},
                                               {"LONGSHORE_LISTEN_CONNECTIONS_MAX", "9"},
                                               {"LONGSHORE_SOURCE_0_TOKEN", "another-token-of-good-length"},
                                               {"LONGSHORE_SOURCE_1_NAME", "second"},
                                               {"LONGSHORE_SOURCE_1_TOKEN", "a-second-token-of-good-length"},
                                               {"LONGSHORE_REPLICATION_EXCLUDE", "a/*,b"}});
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->site.name, "paris");
  EXPECT_EQ(c->listen.connections_max, 9u);
  ASSERT_EQ(c->sources.size(), 2u);
  EXPECT_EQ(c->sources[0].token, "another-token-of-good-length");
  EXPECT_EQ(c->sources[1].name, "second");
  EXPECT_EQ(c->replication.exclude, (std::vector<std::string>{"a/*", "b"}));
}

TEST_F(config_file, the_environment_alone_is_enough) {
  const result<config> c = load_config({}, {{"LONGSHORE_SITE_NAME", "paris"},
                                            {"LONGSHORE_SITE_ROLE", "primary"},
                                            {"LONGSHORE_SITE_DATA_DIR", "/data"},
                                            {"LONGSHORE_ADMIN_TOKEN", "an-admin-token-of-good-length"}});
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->site.name, "paris");
}

TEST_F(config_file, a_gap_in_numbered_variables_is_refused) {
  EXPECT_THAT(refusal(primary_toml, {{"LONGSHORE_SOURCE_2_NAME", "third"}}), HasSubstr("without gaps"));
}

TEST_F(config_file, an_unknown_variable_is_a_warning_with_a_hint_and_a_platforms_own_is_none) {
  const result<config> c = load(
      primary_toml, {{"LONGSHORE_SITE_NAM", "x"}, {"LONGSHORE_SERVICE_HOST", "x"}, {"LONGSHORE_PORT_80_TCP", "x"}});
  ASSERT_TRUE(c) << c.error().text;
  ASSERT_EQ(c->warnings.size(), 1u);
  EXPECT_THAT(c->warnings[0], HasSubstr("did you mean LONGSHORE_SITE_NAME?"));
}

TEST_F(config_file, a_secret_comes_from_a_file_beside_the_configuration) {
  dir.write("admin.token", "a-token-that-came-from-a-file\n");
  std::string toml = primary_toml;
  toml.replace(toml.find("token = \"an-admin-token-of-good-length\""), 39, "token_file = \"admin.token\"");
  const result<config> c = load(toml);
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->admin_token, "a-token-that-came-from-a-file");
}

TEST_F(config_file, a_variable_for_a_secret_replaces_the_file_of_it) {
  std::string toml = primary_toml;
  toml.replace(toml.find("token = \"an-admin-token-of-good-length\""), 39, "token_file = \"not-there\"");
  EXPECT_THAT(refusal(toml), HasSubstr("not-there"));
  const result<config> c = load(toml, {{"LONGSHORE_ADMIN_TOKEN", "given-by-environment"}});
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->admin_token, "given-by-environment");
}

TEST_F(config_file, a_file_of_credentials_that_is_named_is_there) {
  const std::string toml = std::string(secondary_toml) + "docker_config = \"nofile.json\"\n";
  EXPECT_THAT(refusal(toml), AllOf(HasSubstr("docker_config"), HasSubstr("nofile.json")));
  dir.write("nofile.json", "{}");
  EXPECT_TRUE(load(toml));
}

TEST_F(config_file, a_secret_given_twice_is_refused) {
  dir.write("t", "a-token-that-came-from-a-file");
  std::string toml = primary_toml;
  toml.insert(toml.find("[[source]]"), "token_file = \"t\"\n");
  EXPECT_THAT(refusal(toml), HasSubstr("keep one of them"));
}

TEST_F(config_file, an_empty_secret_file_is_refused) {
  dir.write("t", "\n");
  EXPECT_THAT(refusal(primary_toml, {{"LONGSHORE_ADMIN_TOKEN_FILE", (dir.path() / "t").string()}}),
              HasSubstr("is empty"));
}

struct bad_line {
  const char* toml;
  const char* says;
};

TEST_F(config_file, values_that_cannot_be_used_are_refused_with_what_was_expected) {
  const bad_line cases[] = {
      {"[listen]\naddress = 5\n", "expected text in quotes, found a number"},
      {"[listen]\naddress = \"5080\"\n", "expected host:port"},
      {"[listen]\nconnections_max = \"many\"\n", "expected a number"},
      {"[listen]\nconnections_max = 0\n", "out of range"},
      {"[listen]\nconnections_max = -1\n", "no whole number"},
      {"[listen]\nheader_timeout = 30\n", "a duration has a unit"},
      {"[listen]\nbody_bytes_max = \"1 mib\"\n", "no size"},
      {"[listen]\ntls_key = \"k\"\n", "both tls_certificate and tls_key"},
      {"[log]\npulls = \"some\"\n", "is not one of \"all\", \"drop\", \"drop_own\""},
      {"[log_file]\nlevel = \"loud\"\n", "is not one of trace"},
      {"[log_file]\nbytes_max = \"1KiB\"\n", "log_file.bytes_max: 1024 is out of range"},
      {"[log_file]\nfiles_max = 0\n", "log_file.files_max: 0 is out of range"},
      {"[replication]\nuntagged = 1\n", "expected true or false"},
      {"[replication]\ndeletes_max_share = 1.5\n", "is no share"},
      {"[replication]\ndeletes_max_share = \"half\"\n", "expected a number"},
      {"[replication]\ndeletes_min_tags = 2.5\n", "no whole number"},
      {"[replication]\ninclude = \"x\"\n", "expected a list of texts"},
      {"[replication]\ninclude = [\"Team\"]\n", "can match no repository"},
      {"[replication]\ntags_include = [\"regex:(\"]\n",
       "replication.tags_include: \"regex:(\" is no regular expression"},
      {"[replication]\ntags_exclude = [\"semver:x y\"]\n", "replication.tags_exclude: "},
      {"[replication]\nplatforms = [\"amd64\"]\n", "replication.platforms: \"amd64\" is no platform"},
      {"[replication]\nretry_min = \"1h\"\nretry_max = \"1s\"\n", "longer than"},
      {"[source_registry]\nurl = \"registry\"\n", "has no scheme"},
      {"[source_registry]\nurl = \"https://r\"\nusername = \"u\"\n", "both username and password"},
      {"[source_registry.token]\nissuer = \"i\"\n", "source_registry.url is missing"},
      {"[source_registry]\nurl = \"https://r\"\n[source_registry.token]\nissuer = \"i\"\n", "key_file is missing"},
      {"[[source]]\nname = \"registry\"\ntoken = \"yet-another-source-token\"\n", "two [[source]] are named"},
      {"[[source]]\nname = \"b\"\ntoken = \"a-source-token-of-good-length\"\n", "have the same token"},
      {"[[follower]]\nname = \"b\"\ntoken = \"has a space in it\"\n", "visible ASCII"},
      {"[[follower]]\nname = \"b\"\ntoken = \"an-admin-token-of-good-length\"\n", "would be an administrator"},
      {"[[source]]\nname = \"b\"\ntoken = \"an-admin-token-of-good-length\"\n", "would be an administrator"},
      {"[[follower]]\nname = \"b\"\ntoken = \"a-source-token-of-good-length\"\n",
       "follower[0].token: is also the token of a [[source]]"},
      {"[[follower]]\nname = \"a/b\"\ntoken = \"a-follower-token-0123\"\n", "is no name"},
  };
  for (const bad_line& bad : cases) {
    EXPECT_THAT(refusal(std::string(primary_toml) + bad.toml), HasSubstr(bad.says)) << bad.toml;
  }
}

TEST_F(config_file, a_log_file_has_a_size_and_a_number_of_older_ones) {
  const result<config> c = load(std::string(primary_toml) + "[log_file]\nbytes_max = \"8MiB\"\nfiles_max = 2\n");
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->log_file.bytes_max, 8u << 20);
  EXPECT_EQ(c->log_file.files_max, 2u);
}

TEST_F(config_file, a_token_has_one_role_and_the_refusal_says_what_to_do) {
  const std::string south = "[[follower]]\nname = \"south\"\ntoken = ";
  EXPECT_EQ(refusal(primary_toml + south + "\"a-follower-token-of-good-length\"\n"), "accepted");
  for (const char* taken : {"an-admin-token-of-good-length", "a-source-token-of-good-length"}) {
    const std::string said = refusal(primary_toml + south + "\"" + taken + "\"\n");
    EXPECT_THAT(said, HasSubstr("give each a token of its own, as from openssl rand -hex 32"));
    EXPECT_THAT(said, ::testing::Not(HasSubstr(taken))) << "and does not tell the token";
  }
}

TEST_F(config_file, every_required_key_is_asked_for) {
  for (const char* line :
       {"name = \"oslo\"\n", "role = \"secondary\"\n", "data_dir = \"/var/lib/longshore\"\n",
        "token = \"an-admin-token-of-good-length\"\n", "token = \"a-follower-token-of-good-length\"\n",
        "url = \"https://longshore.example.org:5080\"\n", "url = \"https://registry.example.org\"\n",
        "url = \"http://127.0.0.1:5000\"\n"}) {
    std::string toml = secondary_toml;
    toml.erase(toml.find(line), std::string(line).size());
    EXPECT_THAT(refusal(toml), HasSubstr("is missing")) << line;
  }
  EXPECT_EQ(refusal(secondary_toml), "accepted");
}

TEST_F(config_file, a_shared_key_is_read_and_excludes_other_credentials) {
  dir.write("registry.key", "-----BEGIN PRIVATE KEY-----\n");
  std::string toml = secondary_toml;
  toml += "[source_registry.token]\nkey_file = \"registry.key\"\nissuer = \"gitlab-issuer\"\n";
  const result<config> c = load(toml);
  ASSERT_TRUE(c) << c.error().text;
  EXPECT_EQ(c->source_registry->token->key_pem, "-----BEGIN PRIVATE KEY-----");
  EXPECT_EQ(c->source_registry->token->audience, "container_registry");
  EXPECT_THAT(refusal(toml, {{"LONGSHORE_SOURCE_REGISTRY_DOCKER_CONFIG", "/c.json"}}), HasSubstr("choose one of"));
}

TEST_F(config_file, secrets_in_clear_over_the_network_are_a_warning) {
  const result<config> c = load(primary_toml, {{"LONGSHORE_LISTEN_ADDRESS", "0.0.0.0:5080"}});
  ASSERT_TRUE(c) << c.error().text;
  ASSERT_EQ(c->warnings.size(), 1u);
  EXPECT_THAT(c->warnings[0], HasSubstr("in clear"));
}

TEST_F(config_file, sections_of_a_secondary_in_a_primarys_file_are_a_warning) {
  const result<config> c = load(std::string(primary_toml) +
                                "[source_registry]\nurl = \"http://127.0.0.1:5001\"\n"
                                "[target_registry]\nurl = \"http://127.0.0.1:5002\"\n");
  ASSERT_TRUE(c) << c.error().text;
  ASSERT_EQ(c->warnings.size(), 2u);
  EXPECT_THAT(c->warnings[0], HasSubstr("[source_registry] is for a secondary"));
  EXPECT_THAT(c->warnings[1], HasSubstr("[target_registry] is for a secondary"));
}

TEST_F(config_file, a_source_may_have_a_registry_with_every_key_of_one) {
  const result<config> c =
      load(std::string(primary_toml) + R"([source.registry]
url = "https://registry.example.org"
username = "u"
password = "p"
[reconcile]
every = "30m"
digest_check_every = "12h"
repositories = ["team/app"]
immutable_tags = ["v*", "RELEASE-*"]
repositories_concurrent = 8
requests_per_second = 10
on_hint = false
)",
           {{"LONGSHORE_SOURCE_0_REGISTRY_STALL_TIMEOUT", "7s"}, {"LONGSHORE_RECONCILE_EVERY", "0s"}});
  ASSERT_TRUE(c) << c.error().text;
  ASSERT_TRUE(c->sources[0].registry);
  EXPECT_EQ(c->sources[0].registry->url, "https://registry.example.org");
  EXPECT_EQ(c->sources[0].registry->username, "u");
  EXPECT_EQ(c->sources[0].registry->stall_timeout.count(), 7'000);
  EXPECT_FALSE(c->source_registry);
  EXPECT_EQ(c->reconcile.every.count(), 0);
  EXPECT_EQ(c->reconcile.digest_check_every.count(), 12 * 3'600'000);
  EXPECT_EQ(c->reconcile.repositories, std::vector<std::string>{"team/app"});
  EXPECT_EQ(c->reconcile.immutable_tags.size(), 2u);
  EXPECT_EQ(c->reconcile.repositories_concurrent, 8u);
  EXPECT_EQ(c->reconcile.requests_per_second, 10u);
  EXPECT_FALSE(c->reconcile.on_hint);
}

TEST_F(config_file, what_a_reconcile_cannot_use_is_refused_by_name) {
  const std::string base(primary_toml);
  EXPECT_THAT(refusal(base + "[source.registry]\nusername = \"u\"\n"), HasSubstr("source[0].registry.url"));
  EXPECT_THAT(refusal(base + "[source.registry]\nurl = \"ftp://x\"\n"), HasSubstr("source[0].registry.url"));
  EXPECT_THAT(refusal(base + "[reconcile]\nevery = \"10ms\"\n"), HasSubstr("reconcile.every"));
  EXPECT_THAT(refusal(base + "[reconcile]\nrequests_per_second = 0\n"), HasSubstr("requests_per_second"));
  EXPECT_THAT(refusal(base + "[reconcile]\nrepositories = [\"Team\"]\n"), HasSubstr("reconcile.repositories"));
  EXPECT_THAT(refusal(base + "[reconcile]\nimmutable_tags = [\"a/b\"]\n"), HasSubstr("reconcile.immutable_tags"));
  EXPECT_THAT(refusal(base + "[reconcile]\nevry = \"1h\"\n"), HasSubstr("reconcile.every"));
}

}  // namespace
}  // namespace longshore::tools
