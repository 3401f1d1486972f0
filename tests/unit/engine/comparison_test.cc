#include "engine/comparison.h"

#include <gtest/gtest.h>

#include "engine/checksum.h"

namespace longshore::engine {
namespace {

using presence = found_content::presence;

const digest root = digest::of("root"), child = digest::of("child"), layer = digest::of("layer");

manifest_reference to(const digest& d, copy_as as, std::uint64_t size = 5) { return {{"", d, size}, as, true, {}}; }
found_content manifest_of(std::vector<manifest_reference> references) {
  found_content c;
  c.refers_to.references = std::move(references);
  return c;
}
found_content blob(presence is, std::uint64_t size = 5) { return {.is = is, .size = size}; }

TEST(comparison_test, a_tag_is_compared_by_digest_on_both_sides) {
  EXPECT_EQ(compare_tag(root, root), difference::none);
  EXPECT_EQ(compare_tag(std::nullopt, std::nullopt), difference::none);
  EXPECT_EQ(compare_tag(root, std::nullopt), difference::missing_tag);
  EXPECT_EQ(compare_tag(std::nullopt, root), difference::extra_tag);
  EXPECT_EQ(compare_tag(root, child), difference::other_digest);
}

TEST(comparison_test, each_fault_below_a_tag_is_found_once_however_often_it_is_referred_to) {
  content_map found;
  found[{root, true}] = manifest_of({to(child, copy_as::manifest), to(layer, copy_as::blob)});
  found[{child, true}] = manifest_of({to(layer, copy_as::blob), to(root, copy_as::manifest)});
  found[{layer, false}] = blob(presence::missing);
  const auto below = faults_of(root, found);
  ASSERT_EQ(below.faults.size(), 1u);
  EXPECT_EQ(below.faults[0].kind, difference::missing_blob);
  EXPECT_EQ(below.manifests, (std::vector{root, child}));
}

TEST(comparison_test, kinds_of_faults_are_told_apart) {
  const auto kind_of = [&](found_content f, bool as_manifest) {
    content_map found;
    found[{root, true}] = manifest_of({to(child, as_manifest ? copy_as::manifest : copy_as::blob)});
    found[{child, as_manifest}] = std::move(f);
    const auto below = faults_of(root, found);
    return below.faults.empty() ? difference::none : below.faults[0].kind;
  };
  EXPECT_EQ(kind_of(blob(presence::there), false), difference::none);
  EXPECT_EQ(kind_of(blob(presence::there, 6), false), difference::wrong_size);
  EXPECT_EQ(kind_of(blob(presence::wrong_bytes), false), difference::wrong_bytes);
  EXPECT_EQ(kind_of(blob(presence::wrong_bytes, 4), false), difference::wrong_size) << "the plainer word";
  EXPECT_EQ(kind_of(blob(presence::missing), false), difference::missing_blob);
  EXPECT_EQ(kind_of(blob(presence::missing), true), difference::missing_manifest);
  EXPECT_EQ(kind_of(blob(presence::wrong_bytes), true), difference::wrong_bytes);
  EXPECT_EQ(kind_of(blob(presence::missing_everywhere), true), difference::none);
  EXPECT_EQ(kind_of(blob(presence::missing_everywhere), false), difference::none);
}

TEST(comparison_test, an_entry_of_unknown_type_is_looked_for_as_manifest_and_then_as_blob) {
  content_map found;
  found[{root, true}] = manifest_of({to(layer, copy_as::either)});
  found[{layer, true}] = blob(presence::missing);
  found[{layer, false}] = blob(presence::there);
  EXPECT_TRUE(faults_of(root, found).faults.empty());
  found[{layer, false}] = blob(presence::missing);
  EXPECT_EQ(faults_of(root, found).faults.at(0).kind, difference::missing_blob);
}

TEST(comparison_test, every_mismatch_names_the_tag_its_kind_and_the_digest) {
  const auto amiss = compare("v1", root, root, {{difference::missing_blob, layer}, {difference::wrong_bytes, child}});
  ASSERT_EQ(amiss.size(), 2u);
  EXPECT_EQ(amiss[0].tag, "v1");
  EXPECT_EQ(amiss[0].digest, layer.text());
  EXPECT_NE(amiss[1].reason.find(child.text()), std::string::npos);
  EXPECT_EQ(compare("v1", root, child, {}).at(0).digest, root.text());
  EXPECT_TRUE(compare("v1", root, root, {}).empty());
}

TEST(checksum_test, the_format_is_tag_nul_digest_newline_in_order) {
  tags_checksum none;
  EXPECT_EQ(none.finish(), digest::of("").text());
  tags_checksum two;
  two.add("a", "sha256:1");
  two.add("b", "sha256:2");
  EXPECT_EQ(two.tags(), 2u);
  EXPECT_EQ(two.finish(), digest::of(std::string_view("a\0sha256:1\nb\0sha256:2\n", 22)).text());
}

}  // namespace
}  // namespace longshore::engine
