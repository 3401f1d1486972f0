// What the filters leave out, what follows what is taken, and what happens when the filters change.

#include "engine/journal_records.h"
#include "engine/repository_sync.h"
#include "tests/unit/engine/engine_fixture.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

class repository_sync_filter_test : public engine_world {
 protected:
  void filter(filter_rules rules) {
    auto made = replication_filter::make(std::move(rules));
    ASSERT_TRUE(made) << made.error().text;
    copying_.filter = std::make_shared<replication_filter>(*std::move(made));
  }
  digest push(const std::string& tag, const digest& d) {
    source_.set_tag(repo, tag, d);
    say_pushed(repo, tag, d);
    return d;
  }
  digest push(const std::string& tag, const std::string& layer) {
    return push(tag, add_oci_image(source_, repo, {layer}));
  }
  void expect_synced() {
    const auto r = pass_over(repo);
    ASSERT_TRUE(r) << r.error().text;
    EXPECT_TRUE(r->synced);
    EXPECT_EQ(repository(repo).state, sync_state::synced);
  }
  static std::string accessory(const digest& d, const std::string& suffix) {
    return "sha256-" + d.text().substr(7) + suffix;
  }
  struct entry {
    digest child;
    std::string more;
  };
  digest add_platform_index(const std::vector<entry>& entries) {
    std::string list;
    for (const entry& e : entries) {
      const auto* m = source_.manifest_at(repo, e.child.text());
      list += (list.empty() ? "" : ",") + descriptor_json(m->media_type, e.child, m->bytes.size(), e.more);
    }
    return source_.add_manifest(repo, std::string(media_type::oci_index), "{\"manifests\":[" + list + "]}");
  }
  static std::string platform(const std::string& architecture) {
    return R"(,"platform":{"os":"linux","architecture":")" + architecture + "\"}";
  }
  digest multi() {
    amd_ = add_oci_image(source_, repo, {"amd"});
    arm_ = add_oci_image(source_, repo, {"arm"});
    proof_ = add_oci_image(source_, repo, {"attestation of arm"});
    return add_platform_index({{*amd_, platform("amd64")},
                               {*arm_, platform("arm64")},
                               {*proof_, R"(,"platform":{"os":"unknown","architecture":"unknown"},"annotations":)"
                                         R"({"vnd.docker.reference.digest":")" +
                                             arm_->text() + "\"}"}});
  }
  std::optional<digest> amd_, arm_, proof_;
};

TEST_F(repository_sync_filter_test, a_tag_left_out_is_journaled_with_its_rule_and_settled) {
  filter({.tags_include = {"v*"}, .tags_exclude = {"*-rc*"}});
  push("v1", "a");
  push("v2-rc1", "b");
  push("latest", "c");
  expect_synced();
  EXPECT_TRUE(target_.tag(repo, "v1"));
  EXPECT_FALSE(target_.tag(repo, "v2-rc1"));
  EXPECT_FALSE(target_.tag(repo, "latest"));
  EXPECT_EQ(item(repo, "v2-rc1").state, item_state::skipped);
  EXPECT_EQ(item(repo, "v2-rc1").reason, "tags_exclude: *-rc*");
  EXPECT_EQ(item(repo, "latest").reason, "tags_include: v*");
  EXPECT_EQ(repository(repo).skipped, 2u);
  EXPECT_EQ(repository(repo).synced_size, 3u);
  source_.forget_calls();
  EXPECT_FALSE(pass_over(repo)->worked);
  EXPECT_EQ(source_.count("get_manifest", "latest"), 0u);
}

TEST_F(repository_sync_filter_test, signatures_follow_their_image_whichever_was_told_first) {
  filter({.tags_include = {"v*"}});
  const auto taken = add_oci_image(source_, repo, {"taken"}), left = add_oci_image(source_, repo, {"left"});
  push(accessory(taken, ".sig"), "signature of taken");
  push(accessory(left, ".sig"), "signature of left");
  expect_synced();
  EXPECT_EQ(item(repo, accessory(taken, ".sig")).state, item_state::skipped);
  push("v1", taken);
  push("latest", left);
  push(accessory(taken, ".att"), "attestation of taken");
  expect_synced();
  EXPECT_TRUE(target_.tag(repo, accessory(taken, ".sig")));
  EXPECT_TRUE(target_.tag(repo, accessory(taken, ".att")));
  EXPECT_FALSE(target_.tag(repo, accessory(left, ".sig")));
  EXPECT_EQ(item(repo, accessory(left, ".sig")).reason,
            "tags_include: follows " + left.text() + ", which is not taken");
  EXPECT_EQ(repository(repo).skipped, 2u);
}

TEST_F(repository_sync_filter_test, signatures_of_signatures_and_of_children_follow_in_one_pass) {
  filter({.tags_include = {"v*"}});
  const auto index = multi();
  const auto signature = add_oci_image(source_, repo, {"signature"});
  push(accessory(signature, ".sig"), "signature of the signature");
  push(accessory(*arm_, ""), "what refers to a child");
  push(accessory(index, ".sig"), signature);
  expect_synced();
  EXPECT_EQ(repository(repo).skipped, 3u);
  push("v1", index);
  expect_synced();
  EXPECT_EQ(repository(repo).skipped, 0u);
  expect_mirrored(repo);
}

TEST_F(repository_sync_filter_test, children_of_what_is_left_out_are_left_out_and_come_with_what_is_taken) {
  filter({.tags_include = {"v*"}});
  const auto index = multi();
  for (const auto& d : {*amd_, *arm_}) say_pushed_digest(repo, d);
  push("nightly", index);
  expect_synced();
  EXPECT_EQ(target_.manifest_at(repo, amd_->text()), nullptr);
  EXPECT_EQ(item(repo, amd_->text()).reason, "untagged: belongs to no tag that is taken");
  push("v1", index);
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, index));
  EXPECT_EQ(item(repo, amd_->text()).state, item_state::done);
}

TEST_F(repository_sync_filter_test, untagged_manifests_are_left_out_on_request_but_not_what_refers_to_an_image) {
  filter({.untagged = false});
  const auto loose = add_oci_image(source_, repo, {"loose"});
  say_pushed_digest(repo, loose);
  const auto image = push("v1", "a");
  expect_synced();
  EXPECT_EQ(target_.manifest_at(repo, loose.text()), nullptr);
  EXPECT_EQ(item(repo, loose.text()).reason, "untagged: false");
  const auto sbom =
      add_oci_image(source_, repo, {"sbom"}, ",\"subject\":" + descriptor_json(media_type::oci_manifest, image, 1));
  say_pushed_digest(repo, sbom);
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, sbom));
}

TEST_F(repository_sync_filter_test, media_types_are_left_out_as_items_and_as_referrers) {
  source_.does.lists_referrers = true;
  filter({.media_types_exclude = {"application/x.sbom"}});
  const auto image = add_oci_image(source_, repo, {"a"});
  const auto sbom = add_oci_image(
      source_, repo, {"sbom"},
      R"(,"artifactType":"application/x.sbom","subject":)" + descriptor_json(media_type::oci_manifest, image, 1));
  push("v1", image);
  push("sbom", sbom);
  expect_synced();
  EXPECT_TRUE(target_.tag(repo, "v1"));
  EXPECT_EQ(target_.manifest_at(repo, sbom.text()), nullptr);
  EXPECT_EQ(item(repo, "sbom").reason, "media_types_exclude: application/x.sbom");
}

TEST_F(repository_sync_filter_test, platforms_that_are_left_out_are_not_copied_where_the_target_takes_it) {
  filter({.platforms = {"linux/amd64"}});
  target_.does.checks_content = false;
  const auto index = push("v1", multi());
  expect_synced();
  EXPECT_EQ(target_.tag(repo, "v1"), index);
  EXPECT_TRUE(target_.is_whole(repo, *amd_));
  EXPECT_EQ(target_.manifest_at(repo, arm_->text()), nullptr);
  EXPECT_EQ(target_.manifest_at(repo, proof_->text()), nullptr);
  EXPECT_EQ(item(repo, "v1").code, "sparse");
  EXPECT_EQ(repository(repo).sparse, 1u);
  EXPECT_FALSE(*locations_->holds(repo, index.text()));
}

TEST_F(repository_sync_filter_test, a_target_that_takes_whole_indexes_only_has_the_item_parked_with_the_remedy) {
  filter({.platforms = {"linux/amd64"}});
  push("v1", multi());
  ASSERT_TRUE(pass_over(repo));
  EXPECT_EQ(item(repo, "v1").state, item_state::parked);
  EXPECT_NE(item(repo, "v1").reason.find("validation.manifests.indexes.platforms"), std::string::npos)
      << item(repo, "v1").reason;
  EXPECT_TRUE(target_.is_whole(repo, *amd_));
  EXPECT_FALSE(target_.tag(repo, "v1"));
}

TEST_F(repository_sync_filter_test, other_filters_decide_anew_and_bring_what_was_left_out) {
  filter({.tags_include = {"v*"}, .platforms = {"linux/amd64"}});
  target_.does.checks_content = false;
  const auto index = push("v1", multi());
  push("latest", "b");
  push("v2", "c");
  expect_synced();
  EXPECT_EQ(repository(repo).skipped, 1u);
  target_.forget_calls();
  filter({});
  expect_synced();
  EXPECT_TRUE(target_.is_whole(repo, index));
  EXPECT_TRUE(target_.tag(repo, "latest"));
  EXPECT_EQ(target_.count("put_manifest", "v2"), 0u);
  EXPECT_EQ(repository(repo).skipped + repository(repo).sparse, 0u);
  EXPECT_EQ(journaled(log::event_kind::filter_changed).size(), 1u);
  EXPECT_FALSE(pass_over(repo)->worked);
  EXPECT_EQ(target_.tags(repo), source_.tags(repo));
}

TEST_F(repository_sync_filter_test, what_stands_at_the_target_stays_when_filters_leave_it_out_now) {
  const auto d = push("old", "a");
  push("v1", "b");
  expect_synced();
  filter({.tags_include = {"v*"}});
  source_.erase_manifest(repo, d);
  say_erased(repo, "old");
  say_erased(repo, {}, d.text());
  ASSERT_TRUE(pass_over(repo));
  EXPECT_EQ(target_.tag(repo, "old"), d);
  EXPECT_EQ(item(repo, "old").state, item_state::skipped);
  EXPECT_TRUE(target_.is_whole(repo, d));
}

TEST_F(repository_sync_filter_test, a_signature_that_is_gone_goes_from_the_target_and_one_never_taken_is_left_alone) {
  filter({.tags_include = {"v*"}});
  const auto d = push("v1", "a");
  const auto theirs = add_oci_image(source_, repo, {"other"});
  push(accessory(d, ".sig"), "signature");
  push(accessory(theirs, ".sig"), "signature of the other");
  expect_synced();
  for (const auto& of : {d, theirs}) {
    source_.erase_tag(repo, accessory(of, ".sig"));
    say_erased(repo, accessory(of, ".sig"));
  }
  clock_.advance_us(3'600'000'000);
  expect_synced();
  EXPECT_FALSE(target_.tag(repo, accessory(d, ".sig")));
  EXPECT_EQ(item(repo, accessory(d, ".sig")).state, item_state::removed);
  EXPECT_EQ(item(repo, accessory(theirs, ".sig")).state, item_state::skipped);
}

TEST_F(repository_sync_filter_test, wherever_a_pass_fails_the_next_ones_end_at_the_same_state) {
  for (std::uint64_t n = 0;; ++n) {
    SCOPED_TRACE(n);
    const std::string name = "fault/r" + std::to_string(n);
    filter({.tags_include = {"v*"}});
    const auto image = add_oci_image(source_, name, {"layer"});
    const std::string signature = accessory(image, ".sig");
    const auto say = [&](const std::string& tag, const digest& d) {
      source_.set_tag(name, tag, d);
      say_pushed(name, tag, d);
    };
    say(signature, add_oci_image(source_, name, {"signature"}));
    ASSERT_TRUE(pass_over(name)->synced);
    say("v1", image);
    say("latest", add_oci_image(source_, name, {"other"}));
    target_.forget_calls();
    target_.fail_operation(n, away());
    ASSERT_TRUE(pass_over(name));
    const bool hit = target_.operations() > n;
    for (int again = 0; again < 3 && repository(name).state != sync_state::synced; ++again)
      ASSERT_TRUE(pass_over(name));
    EXPECT_EQ(target_.tags(name), (std::map<std::string, std::string>{{signature, source_.tags(name).at(signature)},
                                                                      {"v1", image.text()}}));
    EXPECT_EQ(repository(name).skipped, 1u);
    if (!hit) break;
  }
}

}  // namespace
}  // namespace longshore::engine
