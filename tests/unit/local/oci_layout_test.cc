#include "api/local/oci_layout.h"

#include <boost/asio/detached.hpp>
#include <set>

#include "faulty_files.h"
#include "local_fixture.h"

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

class oci_layout_test : public registry_runner {
 protected:
  void SetUp() override { open(api::layout_access::write); }
  void open(api::layout_access access) {
    layout.reset();
    auto opened =
        api::oci_layout::open({.directory = dir, .access = access, .repository = "group/app", .files = &files});
    ASSERT_TRUE(opened) << opened.error().text;
    layout = *std::move(opened);
  }
  errc refusal(const fs::path& path, api::layout_access access) {
    auto opened = api::oci_layout::open({.directory = path, .access = access});
    EXPECT_FALSE(opened);
    if (!opened) last_text = opened.error().text;
    return opened ? errc::stopped : opened.error().code;
  }
  digest put(const std::string& ref, const std::string& layer, const std::string& more = {}) {
    auto done = get(push_image(*layout, "any", ref, layer, more));
    EXPECT_TRUE(done) << (done ? "" : done.error().text);
    return done ? *done : digest::of("");
  }
  digest put_unnamed(const std::string& layer, const std::string& more = {}) {
    return put(digest::of(image_text(layer, more)).text(), layer, more);
  }
  std::size_t listed() { return api::layout_index::parse(read_text(dir / "index.json")).value().entries().size(); }
  fs::path blob(const digest& d) const { return dir / api::layout_blob_path(d); }

  testing::scratch place;
  fs::path dir = place.path() / "layout";
  faulty_files files;  // that do not fail: they count
  std::unique_ptr<api::oci_layout> layout;
};

TEST_F(oci_layout_test, a_new_directory_becomes_a_layout) {
  EXPECT_EQ(read_text(dir / "oci-layout"), R"({"imageLayoutVersion":"1.0.0"})");
  put("v1", "layer");
  EXPECT_EQ(read_text(blob(digest::of("layer"))), "layer");
  EXPECT_EQ(read_text(blob(digest::of(image_text("layer")))), image_text("layer"));
  EXPECT_EQ(layout->name(), "oci:" + dir.string());
}

TEST_F(oci_layout_test, any_repository_is_the_one_and_its_name_is_configured) {
  put("v1", "layer");
  EXPECT_TRUE(get(layout->resolve("some/other", "v1")).value());
  EXPECT_EQ(get(layout->list_repositories(std::nullopt))->names, std::vector<std::string>{"group/app"});
}

TEST_F(oci_layout_test, children_are_listed_only_until_their_index_is) {
  put_unnamed("one");
  put_unnamed("two");
  ASSERT_TRUE(get(layout->finish()));
  EXPECT_EQ(listed(), 2u);
  ASSERT_TRUE(get(layout->put_manifest("", "v1", index_type, index_text({image_text("one"), image_text("two")}))));
  EXPECT_EQ(listed(), 1u);
  put_unnamed("one");
  ASSERT_TRUE(get(layout->finish()));
  EXPECT_EQ(listed(), 1u);
  EXPECT_TRUE(get(layout->get_manifest("", digest::of(image_text("one")).text())));
}

TEST_F(oci_layout_test, a_manifest_put_by_digest_and_then_by_tag_is_listed_once) {
  put_unnamed("layer");
  put("v1", "layer");
  EXPECT_EQ(listed(), 1u);
}

TEST_F(oci_layout_test, a_manifest_without_a_name_is_listed_on_disk_with_the_next_tag_or_at_the_end) {
  const digest loose = put_unnamed("loose");
  EXPECT_EQ(listed(), 0u);
  EXPECT_EQ(get(layout->get_manifest("", loose.text()))->bytes, image_text("loose")) << "it is there by its digest";
  put("v1", "tagged");
  EXPECT_EQ(listed(), 2u);
  put_unnamed("last");
  open(api::layout_access::read);
  EXPECT_EQ(listed(), 3u) << "dropping the registry is an end, too";
}

TEST_F(oci_layout_test, what_others_write_in_the_index_is_seen_and_kept) {
  put("v1", "layer");
  put_unnamed("loose");
  auto others = api::layout_index::parse(read_text(dir / "index.json")).value();
  const engine::descriptor ours = others.find("v1")->target;
  others.set_tag("theirs", ours);
  write_text(dir / "index.json", others.text());
  EXPECT_TRUE(get(layout->resolve("", "theirs")).value());
  put("v2", "layer");
  EXPECT_EQ(get(layout->list_tags("", std::nullopt))->names, (std::vector<std::string>{"theirs", "v1", "v2"}));
  EXPECT_EQ(listed(), 4u) << "ours without a name, too";
}

TEST_F(oci_layout_test, what_is_put_and_asked_for_moves_its_own_bytes_alone) {
  constexpr int count = 200;
  std::vector<std::string> children;
  ASSERT_TRUE(get(push_blob(*layout, "", config_text, digest::of(config_text))));
  ASSERT_TRUE(get(push_blob(*layout, "", "layer", digest::of("layer"))));
  const std::string of_it = R"(,"subject":)" + descriptor_text(image_type, image_text("layer"));
  std::int64_t contents = 0;
  const std::int64_t before = files.bytes_moved;
  for (int i = 0; i < count; ++i) {
    children.push_back(
        image_text("layer", (i % 2 == 0 ? of_it : "") + R"(,"annotations":{"n":")" + std::to_string(i) + R"("})"));
    contents += static_cast<std::int64_t>(children.back().size());
    ASSERT_TRUE(get(layout->put_manifest("", digest::of(children.back()).text(), image_type, children.back())));
    const auto found = get(layout->referrers("", digest::of(image_text("layer"))));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->size(), static_cast<std::size_t>(i / 2 + 1));
  }
  const std::string whole = index_text(children);
  contents += static_cast<std::int64_t>(whole.size());
  ASSERT_TRUE(get(layout->put_manifest("", "v1", index_type, whole)));
  EXPECT_LT(files.bytes_moved - before, 2 * contents);
  EXPECT_EQ(listed(), 1u);
  EXPECT_EQ(get(layout->referrers("", digest::of(image_text("layer"))))->size(), count / 2u);
}

TEST_F(oci_layout_test, referrers_are_those_that_a_name_leads_to_now) {
  const digest subject = put("v1", "layer");
  const std::string of_it = R"(,"subject":)" + descriptor_text(image_type, image_text("layer"));
  put("signature", "one", of_it);
  EXPECT_EQ(get(layout->referrers("", subject))->size(), 1u);
  const digest other = put("signature", "other", of_it);
  ASSERT_EQ(get(layout->referrers("", subject))->size(), 1u);
  EXPECT_EQ(get(layout->referrers("", subject))->front().digest, other);
  ASSERT_TRUE(get(layout->delete_tag("", "signature")));
  EXPECT_TRUE(get(layout->referrers("", subject))->empty());
}

TEST_F(oci_layout_test, referrers_are_found_listed_or_as_children) {
  const digest subject = put("v1", "layer");
  const std::string of_it = R"(,"subject":)" + descriptor_text(image_type, image_text("layer"));
  const digest one = put_unnamed("signature", of_it), two = put_unnamed("attestation", of_it);
  put("unrelated", "something");
  ASSERT_TRUE(get(layout->put_manifest("", "both", index_type, index_text({image_text("attestation", of_it)}))));
  const auto found = get(layout->referrers("", subject));
  ASSERT_TRUE(found) << found.error().text;
  std::set<digest> digests;
  for (const auto& d : *found) digests.insert(d.digest);
  EXPECT_EQ(digests, (std::set<digest>{one, two}));
  EXPECT_EQ(found->front().media_type, image_type);
  EXPECT_TRUE(get(layout->referrers("", one))->empty());
}

TEST_F(oci_layout_test, a_child_of_an_index_that_stays_is_not_deleted) {
  const digest child = put_unnamed("one");
  const auto index = get(layout->put_manifest("", "v1", index_type, index_text({image_text("one")})));
  EXPECT_EQ(failure(layout->delete_manifest("", child)), errc::rejected);
  EXPECT_TRUE(get(layout->delete_manifest("", *index)));
  EXPECT_TRUE(get(layout->delete_manifest("", child)));
  EXPECT_FALSE(fs::exists(blob(child)));
}

TEST_F(oci_layout_test, blobs_of_sha512_are_kept_beside) {
  const digest d = digest::of("layer", digest_algorithm::sha512);
  ASSERT_TRUE(get(push_blob(*layout, "", "layer", d)));
  EXPECT_EQ(read_text(dir / "blobs/sha512" / std::string(d.hex())), "layer");
  EXPECT_EQ(get(read_blob(*layout, "", d, 0)).value(), "layer");
}

TEST_F(oci_layout_test, reading_only_changes_nothing) {
  put("v1", "layer");
  open(api::layout_access::read);
  EXPECT_EQ(failure(layout->put_manifest("", "v2", image_type, image_text("layer"))), errc::unsupported);
  EXPECT_EQ(failure(layout->delete_tag("", "v1")), errc::unsupported);
  EXPECT_EQ(failure(layout->delete_manifest("", digest::of(image_text("layer")))), errc::unsupported);
  EXPECT_EQ(failure(layout->begin_blob("", digest::of("x"), 1, std::nullopt)), errc::unsupported);
  EXPECT_TRUE(get(layout->resolve("", "v1")).value());
}

TEST_F(oci_layout_test, a_directory_of_other_things_is_refused) {
  write_text(place.path() / "home/letter.txt", "dear");
  EXPECT_EQ(refusal(place.path() / "home", api::layout_access::write), errc::invalid);
  EXPECT_NE(last_text.find("letter.txt"), std::string::npos);
  EXPECT_EQ(refusal(place.path() / "home", api::layout_access::read), errc::invalid);
  EXPECT_EQ(refusal(place.path() / "absent", api::layout_access::read), errc::not_found);
  EXPECT_FALSE(fs::exists(place.path() / "home/oci-layout"));
}

TEST_F(oci_layout_test, one_writer_at_a_time) {
  EXPECT_EQ(refusal(dir, api::layout_access::write), errc::busy);
  layout.reset();
  open(api::layout_access::write);
}

TEST_F(oci_layout_test, what_a_dead_writer_left_is_removed) {
  layout.reset();
  write_text(dir / ".longshore-123", "half");
  open(api::layout_access::write);
  EXPECT_FALSE(fs::exists(dir / ".longshore-123"));
}

TEST_F(oci_layout_test, an_upload_that_is_dropped_leaves_nothing) {
  {
    auto writer = get(layout->begin_blob("", digest::of("x"), 1, std::nullopt));
  }
  for (const auto& e : fs::directory_iterator(dir))
    EXPECT_FALSE(e.path().filename().string().starts_with(".longshore"));
}

TEST_F(oci_layout_test, damage_is_corrupt_and_names_the_file) {
  put("v1", "layer");
  write_text(blob(digest::of("layer")), "lay3r");
  EXPECT_EQ(failure(read_blob(*layout, "", digest::of("layer"), 0)), errc::corrupt);
  EXPECT_NE(last_text.find(std::string(digest::of("layer").hex())), std::string::npos);
  write_text(blob(digest::of(image_text("layer"))), image_text("other"));
  EXPECT_EQ(failure(layout->get_manifest("", "v1")), errc::corrupt);
  write_text(dir / "index.json", "{\"manifests\":");
  EXPECT_EQ(failure(layout->resolve("", "v1")), errc::corrupt);
  EXPECT_NE(last_text.find("index.json"), std::string::npos);
  EXPECT_EQ(failure(layout->list_tags("", std::nullopt)), errc::corrupt);
}

TEST_F(oci_layout_test, a_tag_without_its_manifest_is_corrupt_to_read_and_gone_to_write) {
  const digest d = put("v1", "layer");
  fs::remove(blob(d));
  EXPECT_FALSE(get(layout->resolve("", "v1")).value());
  open(api::layout_access::read);
  EXPECT_EQ(get(layout->resolve("", "v1")).value(), d);
  EXPECT_EQ(failure(layout->get_manifest("", "v1")), errc::corrupt);
}

TEST_F(oci_layout_test, a_layout_without_its_index_is_not_taken_for_an_empty_one) {
  put("v1", "layer");
  layout.reset();
  fs::remove(dir / "index.json");
  EXPECT_EQ(refusal(dir, api::layout_access::write), errc::corrupt);
  EXPECT_EQ(refusal(dir, api::layout_access::read), errc::corrupt);
}

TEST_F(oci_layout_test, another_version_is_unsupported) {
  layout.reset();
  write_text(dir / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_EQ(refusal(dir, api::layout_access::read), errc::unsupported);
  write_text(dir / "oci-layout", "1.0.0");
  EXPECT_EQ(refusal(dir, api::layout_access::read), errc::corrupt);
}

TEST_F(oci_layout_test, a_link_that_leads_out_is_refused_and_one_that_stays_is_followed) {
  put("v1", "layer");
  write_text(place.path() / "secret", "secret");
  const digest secret = digest::of("secret"), inside = digest::of("inside");
  fs::create_symlink(place.path() / "secret", blob(secret));
  EXPECT_EQ(failure(read_blob(*layout, "", secret, 0)), errc::invalid);
  fs::remove(blob(secret));
  fs::create_symlink("../../../secret", blob(secret));
  EXPECT_EQ(failure(read_blob(*layout, "", secret, 0)), errc::invalid);
  write_text(dir / "blobs/kept", "inside");
  fs::create_symlink("../kept", blob(inside));
  EXPECT_EQ(get(read_blob(*layout, "", inside, 0)).value(), "inside");
}

TEST_F(oci_layout_test, a_directory_that_is_a_link_out_takes_no_writes) {
  fs::create_directories(place.path() / "elsewhere");
  fs::remove_all(dir / "blobs/sha256");
  fs::create_symlink(place.path() / "elsewhere", dir / "blobs/sha256");
  EXPECT_EQ(failure(push_blob(*layout, "", "x", digest::of("x"))), errc::invalid);
  EXPECT_TRUE(fs::is_empty(place.path() / "elsewhere"));
}

TEST_F(oci_layout_test, an_offset_past_the_end_is_invalid) {
  put("v1", "layer");
  EXPECT_EQ(get(read_blob(*layout, "", digest::of("layer"), 5)).value(), "");
  EXPECT_EQ(failure(read_blob(*layout, "", digest::of("layer"), 6)), errc::invalid);
}

TEST_F(oci_layout_test, tags_put_at_the_same_time_are_all_there) {
  put("v0", "layer");
  int done = 0;
  constexpr int count = 40;
  const auto put_tag = [&](int i) -> boost::asio::awaitable<void> {
    auto r = co_await layout->put_manifest("", "v" + std::to_string(i), image_type, image_text("layer"));
    done += r ? 1 : 0;
  };
  for (int i = 1; i <= count; ++i) boost::asio::co_spawn(io, put_tag(i), boost::asio::detached);
  io.restart();
  io.run();
  EXPECT_EQ(done, count);
  EXPECT_EQ(listed(), count + 1u);
}

}  // namespace
}  // namespace longshore::tests
