#include "api/local/layout_index.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

engine::descriptor of(const std::string& text) {
  return {std::string(engine::media_type::oci_manifest), digest::of(text), text.size()};
}

std::string entry(const std::string& text, const std::string& name, const std::string& more = {}) {
  return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + digest::of(text).text() +
         R"(","size":)" + std::to_string(text.size()) +
         (name.empty() ? "" : R"(,"annotations":{"org.opencontainers.image.ref.name":")" + name + R"("})") + more + "}";
}

layout_index index_of(const std::string& entries) {
  auto index = layout_index::parse(R"({"schemaVersion":2,"manifests":[)" + entries + "]}");
  EXPECT_TRUE(index) << (index ? "" : index.error().text);
  return index ? *std::move(index) : layout_index();
}

TEST(layout_index, a_new_one_is_an_index_of_nothing) {
  const auto again = layout_index::parse(layout_index().text());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->entries().empty());
  EXPECT_NE(layout_index().text().find(R"("schemaVersion":2)"), std::string::npos);
}

TEST(layout_index, a_tag_that_is_set_again_has_one_entry) {
  layout_index index;
  index.set_tag("v1", of("a"));
  index.set_tag("v1", of("b"));
  index.set_tag("v2", of("b"));
  ASSERT_EQ(index.entries().size(), 2u);
  EXPECT_EQ(index.find("v1")->target.digest, digest::of("b"));
  EXPECT_EQ(index.tags(), (std::vector<std::string>{"v1", "v2"}));
  EXPECT_EQ(layout_index::parse(index.text())->tags(), index.tags());
}

TEST(layout_index, an_unnamed_entry_goes_when_its_digest_is_named) {
  layout_index index;
  index.add(of("a"));
  index.add(of("a"));
  EXPECT_EQ(index.entries().size(), 1u);
  index.set_tag("v1", of("a"));
  ASSERT_EQ(index.entries().size(), 1u);
  EXPECT_EQ(index.entries().front().name, "v1");
  index.add(of("a"));
  EXPECT_EQ(index.entries().size(), 1u);
}

TEST(layout_index, removing_a_tag_leaves_others_of_the_same_digest) {
  auto index = index_of(entry("a", "v1") + "," + entry("a", "v2") + "," + entry("b", ""));
  EXPECT_TRUE(index.remove_tag("v1"));
  EXPECT_FALSE(index.remove_tag("v1"));
  EXPECT_EQ(index.tags(), std::vector<std::string>{"v2"});
  EXPECT_FALSE(index.remove_unnamed({digest::of("a"), digest::of("c")}));
  EXPECT_TRUE(index.remove_unnamed({digest::of("a"), digest::of("b")}));
  EXPECT_TRUE(index.remove(digest::of("a")));
  EXPECT_TRUE(index.entries().empty());
}

TEST(layout_index, what_it_does_not_know_it_keeps) {
  auto index = layout_index::parse(R"({"schemaVersion":2,"annotations":{"x":"y"},"manifests":[)" +
                                   entry("a", "v1", R"(,"platform":{"os":"plan9"})") + R"(],"later":1.5})");
  ASSERT_TRUE(index);
  index->set_tag("v2", of("b"));
  const std::string text = index->text();
  EXPECT_NE(text.find(R"("annotations":{"x":"y"})"), std::string::npos);
  EXPECT_NE(text.find(R"("platform":{"os":"plan9"})"), std::string::npos);
  EXPECT_NE(text.find(R"("later":1.5)"), std::string::npos);
}

TEST(layout_index, of_two_entries_of_a_name_the_first_counts) {
  auto index = index_of(entry("a", "v1") + "," + entry("b", "v1"));
  EXPECT_EQ(index.find("v1")->target.digest, digest::of("a"));
  index.set_tag("v1", of("c"));
  EXPECT_EQ(index.entries().size(), 1u);
}

TEST(layout_index, a_whole_reference_is_found_by_its_tag) {
  auto index = index_of(entry("a", "localhost/app:v1") + "," + entry("b", "localhost:5000/app"));
  EXPECT_EQ(index.find("v1")->target.digest, digest::of("a"));
  EXPECT_EQ(index.tags(), std::vector<std::string>{"v1"});
  index.set_tag("v1", of("c"));
  EXPECT_EQ(index.find("localhost/app:v1")->target.digest, digest::of("c"));
  EXPECT_TRUE(index.remove_tag("v1"));
  EXPECT_EQ(index.entries().size(), 1u);
}

TEST(layout_index, a_tag_of_two_references_to_different_things_is_no_tag) {
  const auto index = index_of(entry("a", "x/app:v1") + "," + entry("b", "y/app:v1"));
  EXPECT_EQ(index.find("v1"), nullptr);
  EXPECT_TRUE(index.tags().empty());
  EXPECT_NE(index.find("x/app:v1"), nullptr);
  EXPECT_EQ(index_of(entry("a", "x/app:v1") + "," + entry("b", "v1")).find("v1")->target.digest, digest::of("b"));
}

TEST(layout_index, damage_is_corrupt) {
  const std::string d = digest::of("a").text();
  for (const std::string& text : {
           std::string(),
           std::string("{"),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"manifests":{}})"),
           std::string(R"({"manifests":[1]})"),
           std::string(R"({"manifests":[{}]})"),
           std::string(R"({"manifests":[{"digest":"sha256:x","size":1}]})"),
           R"({"manifests":[{"digest":")" + d + R"("}]})",
           R"({"manifests":[{"digest":")" + d + R"(","size":-1}]})",
           R"({"manifests":[{"digest":")" + d + R"(","size":1,"mediaType":2}]})",
           R"({"manifests":[{"digest":")" + d + R"(","size":1,"annotations":[]}]})",
           std::string(100'000, '['),
       }) {
    const auto index = layout_index::parse(text);
    ASSERT_FALSE(index) << text.substr(0, 100);
    EXPECT_EQ(index.error().code, errc::corrupt);
  }
  EXPECT_TRUE(layout_index::parse(R"({"manifests":null})"));
}

}  // namespace
}  // namespace longshore::api
