#include "engine/replication_filter.h"

#include <gtest/gtest.h>

#include "engine/glob.h"

namespace longshore::engine {
namespace {

const std::string hex(64, 'a');

replication_filter made(filter_rules rules) {
  auto f = replication_filter::make(std::move(rules));
  EXPECT_TRUE(f) << f.error().text;
  return f.value_or(replication_filter());
}

manifest_reference entry_of(const std::string& name, std::string platform, std::string attests = {}) {
  descriptor d{"application/vnd.oci.image.manifest.v1+json", digest::of(name), 1};
  d.platform = std::move(platform);
  d.attests = std::move(attests);
  return {std::move(d), copy_as::manifest, true, {}};
}

TEST(glob_test, a_question_mark_is_one_character_within_a_name) {
  EXPECT_TRUE(matches("v?.1", "v2.1"));
  EXPECT_FALSE(matches("v?.1", "v.1"));
  EXPECT_FALSE(matches("team?app", "team/app"));
}

TEST(tag_rule_test, a_rule_is_a_glob_a_regular_expression_or_a_range) {
  const auto hits = [](const char* rule, const char* tag) {
    const auto r = tag_rule::parse(rule);
    EXPECT_TRUE(r) << rule;
    return r && r->matches(tag);
  };
  EXPECT_TRUE(hits("v1.*", "v1.2"));
  EXPECT_FALSE(hits("v1.*", "xv1.2"));
  EXPECT_TRUE(hits("regex:v[0-9]+", "v12"));
  EXPECT_FALSE(hits("regex:v[0-9]+", "v12-rc"));  // the whole tag
  EXPECT_TRUE(hits("semver:>=1.2 <2", "v1.9"));
  EXPECT_FALSE(hits("semver:>=1.2 <2", "latest"));
}

TEST(tag_rule_test, what_cannot_be_understood_is_refused_with_the_reason) {
  for (const char* text : {"", "regex:(", "regex:a{2,1}", "regex:(?=x)", "semver:", "semver:new", "glob:v*"}) {
    EXPECT_FALSE(tag_rule::parse(text)) << text;
  }
  EXPECT_FALSE(tag_rule::parse(std::string(1'001, 'a')));
  EXPECT_FALSE(tag_rule::parse("regex:((a{100}){100}){100}"));  // over the memory that a rule may take
  EXPECT_NE(tag_rule::parse("regex:(").error().text.find("regex:("), std::string::npos);
}

TEST(tag_rule_test, a_hostile_expression_takes_no_time) {
  const auto rule = tag_rule::parse("regex:(a*)*b");
  ASSERT_TRUE(rule);
  EXPECT_FALSE(rule->matches(std::string(100'000, 'a')));
}

TEST(replication_filter_test, nothing_set_takes_everything) {
  const replication_filter f = made({});
  EXPECT_FALSE(f.repository("team/app"));
  EXPECT_FALSE(f.tag("latest"));
  EXPECT_FALSE(f.untagged());
  EXPECT_TRUE(f.fingerprint().empty());
  EXPECT_FALSE(f.judges_tags() || f.judges_platforms() || f.judges_media_types());
}

TEST(replication_filter_test, repositories_answer_with_the_rule) {
  const replication_filter f = made({.include = {"team/**", "base"}, .exclude = {"**/secret"}});
  EXPECT_FALSE(f.repository("team/a/b"));
  EXPECT_EQ(f.repository("team/secret"), "exclude: **/secret");
  EXPECT_EQ(f.repository("other"), "include: team/**, base");
}

TEST(replication_filter_test, exclusion_of_tags_wins_and_names_its_rule) {
  const replication_filter f =
      made({.tags_include = {"semver:^1", "latest"}, .tags_exclude = {"*-rc*", "regex:.*bad"}});
  EXPECT_FALSE(f.tag("v1.2.3"));
  EXPECT_FALSE(f.tag("latest"));
  EXPECT_EQ(f.tag("v1.2.3-rc1"), "tags_exclude: *-rc*");
  EXPECT_EQ(f.tag("1.0-bad"), "tags_exclude: regex:.*bad");
  EXPECT_EQ(f.tag("v2.0"), "tags_include: semver:^1, latest");
}

TEST(replication_filter_test, accessory_tags_are_no_tags_of_their_own) {
  const replication_filter f = made({.tags_include = {"v1*"}, .tags_exclude = {"*-*", "*.sbom"}});
  for (const char* suffix : {"", ".sig", ".att"}) EXPECT_FALSE(f.tag("sha256-" + hex + suffix)) << suffix;
  EXPECT_EQ(f.tag("sha256-" + hex + ".sbom"), "tags_exclude: *.sbom");
  EXPECT_TRUE(f.tag("sha256-" + hex + ".other"));
  EXPECT_EQ(accessory_subject("sha256-" + hex + ".att"), "sha256:" + hex);
  for (const char* tag : {"sha256-abc", "latest", "sha256-"}) EXPECT_FALSE(accessory_subject(tag)) << tag;
  EXPECT_FALSE(accessory_subject("sha256-" + std::string(64, 'G')));
  for (const std::string& tag : accessory_tags("sha256:" + hex)) EXPECT_EQ(accessory_subject(tag), "sha256:" + hex);
  EXPECT_TRUE(accessory_tags("sha512:" + hex).empty());
}

TEST(replication_filter_test, platforms_choose_entries_and_attestations_follow) {
  const replication_filter f = made({.platforms = {"linux/amd64", "linux/arm/v7"}});
  manifest index;
  index.kind = manifest_kind::index;
  index.references = {entry_of("amd", "linux/amd64"),
                      entry_of("amd2", "linux/amd64/v2"),
                      entry_of("arm6", "linux/arm/v6"),
                      entry_of("arm7", "linux/arm/v7"),
                      entry_of("arm", "linux/arm"),
                      entry_of("s390", "linux/s390x"),
                      entry_of("none", ""),
                      entry_of("win", "windows/amd64"),
                      entry_of("att-amd", "unknown/unknown", digest::of("amd").text()),
                      entry_of("att-s390", "unknown/unknown", digest::of("s390").text()),
                      entry_of("att-lost", "unknown/unknown", digest::of("lost").text())};
  std::string taken;
  for (const auto& e : index.references) taken += f.entry(index, e) ? '-' : '+';
  EXPECT_EQ(taken, "++-++-+-+-+");
  EXPECT_EQ(f.entry(index, index.references[5]), "platforms: linux/amd64, linux/arm/v7");
}

TEST(replication_filter_test, media_types_of_manifest_config_and_layers_count) {
  const replication_filter f = made({.media_types_exclude = {"application/vnd.cncf.helm.**", "**simplesigning**"}});
  manifest chart;
  chart.kind = manifest_kind::image;
  chart.artifact_type = "application/vnd.cncf.helm.config.v1+json";
  EXPECT_EQ(f.media_types("application/vnd.oci.image.manifest.v1+json", chart),
            "media_types_exclude: application/vnd.cncf.helm.**");
  manifest signature;
  signature.kind = manifest_kind::image;
  signature.references = {
      {{"application/vnd.dev.cosign.simplesigning.v1+json", digest::of("s"), 1}, copy_as::blob, true, {}}};
  EXPECT_TRUE(f.media_types("application/vnd.oci.image.manifest.v1+json", signature));
  EXPECT_FALSE(f.media_types("application/vnd.oci.image.manifest.v1+json", manifest{}));
}

TEST(replication_filter_test, rules_that_are_none_name_their_key) {
  const auto refused = [](filter_rules rules, const char* key) {
    const auto f = replication_filter::make(std::move(rules));
    EXPECT_FALSE(f);
    if (!f) EXPECT_EQ(f.error().text.rfind(key, 0), 0u) << f.error().text;
  };
  refused({.tags_include = {"regex:("}}, "tags_include");
  refused({.tags_exclude = {"semver:x y"}}, "tags_exclude");
  refused({.platforms = {"amd64"}}, "platforms");
  refused({.platforms = {"linux//amd64"}}, "platforms");
  refused({.media_types_exclude = {""}}, "media_types_exclude");
}

TEST(replication_filter_test, fingerprints_tell_filters_of_items_apart) {
  const auto print = [](filter_rules r) { return made(std::move(r)).fingerprint(); };
  EXPECT_EQ(print({.tags_include = {"a"}}), print({.exclude = {"x"}, .tags_include = {"a"}}));
  EXPECT_NE(print({.tags_include = {"a"}}), print({.tags_exclude = {"a"}}));
  EXPECT_NE(print({.tags_include = {"a", "b"}}), print({.tags_include = {"ab"}}));
  EXPECT_NE(print({.untagged = false}), print({}));
}

}  // namespace
}  // namespace longshore::engine
