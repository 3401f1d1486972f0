#include "engine/target_survey.h"
#include "tests/unit/engine/copy_run_fixture.h"

// What hangs below a tag: an index's platforms, and what refers to an image.

namespace longshore::engine {
namespace {

using namespace testing;

class copy_run_below_test : public copy_run_world {
 protected:
  copy_figures copy_again(std::vector<copy_route> routes = {{"a", {}}}) {
    target_.forget_calls();
    source_.forget_calls();
    return copy_afresh(std::move(routes));
  }
  void take_platforms(std::vector<std::string> platforms) {
    copying_.filter =
        std::make_shared<replication_filter>(*replication_filter::make({.platforms = std::move(platforms)}));
  }
  digest add_platforms(const std::string& tag, const std::vector<std::string>& architectures) {
    std::string entries;
    for (const std::string& architecture : architectures) {
      const digest d = add_oci_image(source_, "a", {"layer of " + tag + " for " + architecture});
      entries += (entries.empty() ? "" : ",") +
                 descriptor_json(media_type::oci_manifest, d, source_.manifest_at("a", d.text())->bytes.size(),
                                 R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}");
    }
    const digest index =
        source_.add_manifest("a", std::string(media_type::oci_index),
                             R"({"schemaVersion":2,"mediaType":")" + std::string(media_type::oci_index) +
                                 R"(","manifests":[)" + entries + "]}");
    source_.set_tag("a", tag, index);
    return index;
  }
};

TEST_F(copy_run_below_test, platforms_that_an_earlier_copy_left_out_are_brought_by_one_that_takes_them) {
  target_.does.checks_content = false;
  const digest index = add_platforms("v1", {"amd64", "arm64"});
  take_platforms({"linux/amd64"});
  EXPECT_EQ(copy_afresh({{"a", {}}}).copied, 1u);
  EXPECT_FALSE(target_.is_whole("a", index));
  const copy_figures narrow = copy_again();
  EXPECT_EQ(narrow.unchanged, 1u) << "what is chosen is all there";
  EXPECT_EQ(target_.count("put_manifest"), 0u);
  EXPECT_EQ(target_.operations(), 3u) << "the listing, the index, and the entry that is chosen";
  take_platforms({});
  const copy_figures wide = copy_again();
  EXPECT_EQ(wide.copied, 1u);
  EXPECT_EQ(wide.moved.copied.blobs, 2u) << "what is there is not sent again";
  EXPECT_TRUE(target_.is_whole("a", index));
  EXPECT_EQ(copy_again().unchanged, 1u);
}

TEST_F(copy_run_below_test, a_second_run_costs_the_target_the_entries_of_each_index_and_no_more) {
  for (const char* tag : {"v1", "v2"}) add_platforms(tag, {"amd64", "arm64", "s390x"});
  add("a", "plain", {"one"});
  copy_afresh({{"a", {}}});
  EXPECT_EQ(copy_again().unchanged, 3u);
  EXPECT_EQ(source_.operations(), 4u);
  EXPECT_EQ(target_.operations(), 1u + 3u + 6u);
}

TEST_F(copy_run_below_test, entries_that_the_source_lacks_too_or_that_are_layers_are_no_difference) {
  target_.does.checks_content = false;
  target_.does.breaks_on_blobs_as_manifests = source_.does.breaks_on_blobs_as_manifests = true;
  add_platforms("v1", {"amd64", "arm64"});
  source_.erase_manifest("a", source_.manifests("a").front() == *source_.tag("a", "v1")
                                  ? source_.manifests("a").back()
                                  : source_.manifests("a").front());
  source_.set_tag("a", "cache", add_cache_index(source_, "a", {"step one", "step two"}));
  EXPECT_EQ(copy_afresh({{"a", {}}}).copied, 2u);
  EXPECT_EQ(copy_again().unchanged, 2u);
  EXPECT_EQ(target_.count("put_manifest"), 0u);
}

TEST_F(copy_run_below_test, a_referrer_that_the_target_refuses_is_a_failure_of_its_own_and_its_image_is_copied) {
  source_.does.lists_referrers = true;
  const digest image = add_oci_image(source_, "a", {"one"});
  source_.set_tag("a", "v1", image);
  source_.set_tag("a", "also", image);
  const digest referrer =
      add_oci_image(source_, "a", {"sbom"}, ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1));
  target_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (c.verb != "put_manifest" || c.ref != referrer.text()) return std::nullopt;
    return memory_registry::fault{{errc::rejected, "no attachments here", 0}};
  };
  const copy_figures f = copy_afresh({{"a", {}}});
  EXPECT_EQ(f.copied, 2u);
  EXPECT_EQ(f.failed, 1u) << "once, though two tags have it";
  EXPECT_EQ(f.items, 3u);
  EXPECT_TRUE(target_.tag("a", "v1"));
  const auto failed = std::ranges::find(outcomes_, copy_end::failed, &copy_outcome::end);
  ASSERT_NE(failed, outcomes_.end());
  EXPECT_EQ(failed->item.repository, "a");
  EXPECT_EQ(failed->item.ref.target, referrer.text());
  EXPECT_EQ(failed->why->code, errc::rejected);
  EXPECT_NE(failed->why->text.find("no attachments here"), std::string::npos);
}

}  // namespace
}  // namespace longshore::engine
