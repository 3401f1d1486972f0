#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

// Every kind of image arrives whole, with the digest it had.
class repository_sync_kinds_test : public engine_world {
 protected:
  void push(const std::string& tag, const digest& d) {
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
  }
  void expect_synced() {
    const auto report = pass_over(repo);
    ASSERT_TRUE(report) << report.error().text;
    EXPECT_TRUE(report->synced) << repository(repo).last_sync_failure;
    EXPECT_EQ(repository(repo).state, sync_state::synced);
    EXPECT_EQ(repository(repo).parked, 0u);
    expect_mirrored(repo);
  }
};

TEST_F(repository_sync_kinds_test, images_of_all_kinds_arrive) {
  push("docker", add_docker_image(source_, repo, {"base", "docker"}));
  push("oci", add_oci_image(source_, repo, {"base", "oci"}));
  push("old", add_schema1_image(source_, repo, {"base", "old"}, false));
  push("old-signed", add_schema1_image(source_, repo, {"base", "signed"}, true));
  const auto amd = add_oci_image(source_, repo, {"base", "amd"});
  const auto arm = add_docker_image(source_, repo, {"base", "arm"});
  push("list", add_index(source_, repo, {amd, arm}, media_type::docker_list));
  const auto inner = add_index(source_, repo, {amd, arm});
  push("nested", add_index(source_, repo, {inner, amd}));
  push("empty-index", add_index(source_, repo, {}));
  push("cache-index", add_cache_index(source_, repo, {"base", "cached"}));
  push("cache-image", add_oci_image(source_, repo, {"base", "cached too"}));
  push("foreign", add_image_with_foreign_layer(source_, repo, "own"));
  push("empty-layer", add_oci_image(source_, repo, {""}));
  push("no-layers", source_.add_manifest(repo, std::string(media_type::oci_manifest), "{\"layers\":[]}"));
  push("artifact",
       source_.add_manifest(repo, std::string(media_type::oci_artifact),
                            "{\"blobs\":[" + descriptor_json("x/y", source_.add_blob(repo, "blob"), 4) + "]}"));
  push("unknown", source_.add_manifest(repo, "application/vnd.example.v9+json", "{\"hello\":\"world\"}"));
  expect_synced();
  EXPECT_EQ(source_.bytes_served(digest::of("base")), 4u) << "shared layers cross once";
  EXPECT_EQ(target_.blob(repo, digest::of("foreign")), nullptr);
}

TEST_F(repository_sync_kinds_test, entries_of_unknown_types_are_blobs_where_the_registry_breaks_on_them_as_manifests) {
  source_.does.breaks_on_blobs_as_manifests = true;
  const digest one = source_.add_blob(repo, "one"), two = source_.add_blob(repo, "two");
  const std::string entries = descriptor_json("x/y", one, 3) + "," + descriptor_json("x/y", two, 3);
  push("v1", source_.add_manifest(repo, std::string(media_type::oci_index), "{\"manifests\":[" + entries + "]}"));
  expect_synced();
  EXPECT_EQ(target_.blob(repo, one)->bytes, "one");
}

TEST_F(repository_sync_kinds_test, what_a_filled_target_has_is_not_sent_again) {
  const std::vector<std::string> layers{"one", "two", "three"};
  push("v1", add_oci_image(source_, repo, layers));
  target_.set_tag(repo, "v1", add_oci_image(target_, repo, layers));
  push("v2", add_oci_image(source_, repo, {"one", "two", "four"}));
  expect_synced();
  for (const char* there : {"one", "two", "three"}) EXPECT_EQ(source_.bytes_served(digest::of(there)), 0u);
  EXPECT_EQ(source_.bytes_served(digest::of("four")), 4u);
}

TEST_F(repository_sync_kinds_test, an_attestation_comes_with_its_index) {
  const auto image = add_oci_image(source_, repo, {"image"});
  const auto attestation = add_oci_image(source_, repo, {"{\"predicate\":1}"},
                                         ",\"annotations\":{\"vnd.docker.reference.type\":\"attestation-manifest\"}");
  push("v1", add_index(source_, repo, {image, attestation}));
  expect_synced();
  EXPECT_NE(target_.manifest_at(repo, attestation.text()), nullptr);
}

TEST_F(repository_sync_kinds_test, a_cosign_tag_and_a_fallback_tag_are_tags_like_others) {
  const auto image = add_oci_image(source_, repo, {"image"});
  push("v1", image);
  push("sha256-" + std::string(image.hex()) + ".sig", add_oci_image(source_, repo, {"cosign"}));
  const auto referrer = add_oci_image(source_, repo, {"sbom"},
                                      ",\"subject\":" + descriptor_json(media_type::oci_manifest, image,
                                                                        source_.manifest_at(repo, "v1")->bytes.size()));
  push("sha256-" + std::string(image.hex()), add_index(source_, repo, {referrer}));
  expect_synced();
}

TEST_F(repository_sync_kinds_test, a_subject_that_no_tag_names_comes_with_what_refers_to_it) {
  const auto image = add_oci_image(source_, repo, {"image"});
  push("sbom",
       add_oci_image(source_, repo, {"sbom"}, ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1)));
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, image));
}

TEST_F(repository_sync_kinds_test, a_subject_that_does_not_exist_holds_nothing_back) {
  push("sbom", add_oci_image(source_, repo, {"sbom"},
                             ",\"subject\":" + descriptor_json(media_type::oci_manifest, digest::of("none"), 1)));
  expect_synced();
}

TEST_F(repository_sync_kinds_test, referrers_are_published_after_their_image_and_before_its_tag) {
  source_.does.lists_referrers = true;
  const auto image = add_oci_image(source_, repo, {"image"});
  const std::string subject = descriptor_json(media_type::oci_manifest, image, 1);
  const auto sbom = add_oci_image(source_, repo, {"sbom"}, ",\"subject\":" + subject);
  const auto signature = add_oci_image(source_, repo, {"signature of the sbom"},
                                       ",\"subject\":" + descriptor_json(media_type::oci_manifest, sbom, 1));
  push("v1", image);
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, sbom));
  EXPECT_TRUE(target_.is_whole(repo, signature));
  std::vector<std::string> order;
  for (const auto& c : target_.calls()) {
    if (c.verb == "put_manifest") order.push_back(c.ref);
  }
  EXPECT_EQ(order, (std::vector<std::string>{image.text(), sbom.text(), signature.text(), "v1"}));
}

TEST_F(repository_sync_kinds_test, what_refers_to_a_part_of_a_referrer_comes_too_if_at_the_second_try) {
  source_.does.lists_referrers = true;
  const digest image = add_oci_image(source_, repo, {"signed"});
  const digest part = add_oci_image(source_, repo, {"sbom of one platform"});
  const auto refers = [](std::string_view type, const digest& d) {
    return ",\"subject\":" + descriptor_json(type, d, 1);
  };
  const std::string type(media_type::oci_index);
  const auto* m = source_.manifest_at(repo, part.text());
  const digest referrer = source_.add_manifest(repo, type,
                                               "{\"schemaVersion\":2,\"mediaType\":\"" + type + "\",\"manifests\":[" +
                                                   descriptor_json(m->media_type, part, m->bytes.size()) + "]" +
                                                   refers(media_type::oci_manifest, image) + "}");
  const digest signature = add_oci_image(source_, repo, {"signature"}, refers(media_type::oci_manifest, part));
  bool failed_once = false;
  source_.faults = [&](const memory_registry::call& c) -> std::optional<memory_registry::fault> {
    if (failed_once || c.verb != "referrers" || c.ref != part.text()) return std::nullopt;
    failed_once = true;
    return memory_registry::fault{{errc::unavailable, "busy", 0}, memory_registry::fault_at::before};
  };
  push("v1", image);
  ASSERT_TRUE(pass_over(repo));
  EXPECT_EQ(repository(repo).state, sync_state::failed);
  clock_.advance_us(3'600'000'000);
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, referrer));
  EXPECT_TRUE(target_.is_whole(repo, signature));
  EXPECT_TRUE(failed_once);
}

TEST_F(repository_sync_kinds_test, a_referrer_the_target_refuses_is_parked_and_does_not_hold_back_the_image) {
  source_.does.lists_referrers = true;
  target_.does.refused_types.insert(std::string(media_type::oci_artifact));
  const auto image = add_oci_image(source_, repo, {"image"});
  const auto odd =
      source_.add_manifest(repo, std::string(media_type::oci_artifact),
                           "{\"blobs\":[],\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1) + "}");
  push("v1", image);
  ASSERT_TRUE(pass_over(repo)->synced);
  EXPECT_EQ(target_.tag(repo, "v1"), image);
  EXPECT_EQ(item(repo, odd.text()).state, item_state::parked);
}

TEST_F(repository_sync_kinds_test, embedded_content_the_source_does_not_serve_is_published_from_the_manifest) {
  const std::string config = descriptor_json("application/vnd.oci.empty.v1+json", digest::of("{}"), 2,
                                             ",\"data\":\"" + to_base64("{}", false) + "\"");
  push("v1", source_.add_manifest(repo, std::string(media_type::oci_manifest), "{\"config\":" + config + "}"));
  expect_synced();
}

TEST_F(repository_sync_kinds_test, an_index_with_holes_goes_as_far_as_the_target_takes_it) {
  const auto amd = add_oci_image(source_, repo, {"amd"});
  const auto arm = add_oci_image(source_, repo, {"arm"});
  const auto index = add_index(source_, repo, {amd, arm});
  source_.erase_manifest(repo, arm);
  push("sparse", index);
  ASSERT_TRUE(pass_over(repo));
  EXPECT_EQ(item(repo, "sparse").state, item_state::parked);
  EXPECT_NE(item(repo, "sparse").reason.find(arm.text()), std::string::npos) << item(repo, "sparse").reason;
  EXPECT_FALSE(target_.tag(repo, "sparse"));
  EXPECT_TRUE(target_.violations().empty());

  target_.does.checks_content = false;
  push("sparse", index);
  ASSERT_TRUE(pass_over(repo)->synced);
  EXPECT_EQ(target_.tag(repo, "sparse"), index);
}

TEST_F(repository_sync_kinds_test, children_and_untagged_manifests_told_on_their_own_are_settled) {
  const auto amd = add_oci_image(source_, repo, {"amd"});
  const auto arm = add_oci_image(source_, repo, {"arm"});
  const auto loose = add_oci_image(source_, repo, {"loose"});
  for (const auto& d : {amd, arm, loose}) say_pushed_digest(repo, d);
  push("v1", add_index(source_, repo, {amd, arm}));
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, loose));
  EXPECT_EQ(source_.count("get_manifest", amd.text()), 1u);
  for (const auto& d : {amd, arm, loose}) EXPECT_EQ(item(repo, d.text()).state, item_state::done);
}

}  // namespace
}  // namespace longshore::engine
