#include "api/local/distribution_storage.h"

#include "local_fixture.h"

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

class distribution_storage_test : public registry_runner {
 protected:
  void SetUp() override {
    add_image("group/app", "v1", "layer");
    open(place.path());
  }
  void open(const fs::path& path) {
    storage.reset();
    auto opened = api::distribution_storage::open({.directory = path, .page_size = 2});
    ASSERT_TRUE(opened) << opened.error().text;
    storage = *std::move(opened);
  }
  fs::path data(const digest& d) const {
    const std::string hex(d.hex());
    return v2 / "blobs/sha256" / hex.substr(0, 2) / hex / "data";
  }
  fs::path link(const std::string& repository, const std::string& folder, const digest& d) const {
    const char* algorithm = d.algorithm() == digest_algorithm::sha256 ? "sha256" : "sha512";
    return v2 / "repositories" / repository / folder / algorithm / std::string(d.hex()) / "link";
  }
  void add_blob(const std::string& repository, const std::string& text) const {
    write_text(data(digest::of(text)), text);
    write_text(link(repository, "_layers", digest::of(text)), digest::of(text).text());
  }
  void add_manifest(const std::string& repository, const std::string& tag, const std::string& text) const {
    const digest d = digest::of(text);
    write_text(data(d), text);
    write_text(link(repository, "_manifests/revisions", d), d.text());
    if (tag.empty()) return;
    write_text(v2 / "repositories" / repository / "_manifests/tags" / tag / "current/link", d.text());
    write_text(link(repository, "_manifests/tags/" + tag + "/index", d), d.text());
  }
  void add_image(const std::string& repository, const std::string& tag, const std::string& layer) const {
    add_blob(repository, config_text);
    add_blob(repository, layer);
    add_manifest(repository, tag, image_text(layer));
  }

  testing::scratch place;
  fs::path v2 = place.path() / "docker/registry/v2";
  std::unique_ptr<api::distribution_storage> storage;
};

TEST_F(distribution_storage_test, an_image_is_read_by_tag_and_by_digest) {
  for (const std::string& ref : {std::string("v1"), digest::of(image_text("layer")).text()}) {
    const auto m = get(storage->get_manifest("group/app", ref));
    ASSERT_TRUE(m) << m.error().text;
    EXPECT_EQ(m->bytes, image_text("layer"));
    EXPECT_EQ(m->media_type, image_type);
    EXPECT_EQ(get(storage->resolve("group/app", ref)).value(), m->digest);
  }
  EXPECT_EQ(get(storage->stat_blob("group/app", digest::of("layer"))).value(), 5u);
  EXPECT_EQ(get(read_blob(*storage, "group/app", digest::of("layer"), 2)).value(), "yer");
}

TEST_F(distribution_storage_test, the_directory_is_the_root_or_what_is_below) {
  for (const char* below : {"", "docker", "docker/registry", "docker/registry/v2"}) {
    open(place.path() / below);
    EXPECT_TRUE(get(storage->resolve("group/app", "v1")).value()) << below;
  }
  EXPECT_EQ(api::distribution_storage::open({.directory = v2 / "blobs"}).error().code, errc::invalid);
  EXPECT_EQ(api::distribution_storage::open({.directory = place.path() / "absent"}).error().code, errc::not_found);
}

TEST_F(distribution_storage_test, a_repository_serves_only_what_it_links) {
  add_image("other", "x", "other layer");
  EXPECT_FALSE(get(storage->stat_blob("group/app", digest::of("other layer"))).value());
  EXPECT_EQ(failure(read_blob(*storage, "group/app", digest::of("other layer"), 0)), errc::not_found);
  EXPECT_FALSE(get(storage->resolve("group/app", digest::of(image_text("other layer")).text())).value());
  EXPECT_EQ(failure(storage->get_manifest("group/app", "x")), errc::not_found);
  EXPECT_FALSE(get(storage->stat_blob("group/app", digest::of(image_text("layer")))).value());
}

TEST_F(distribution_storage_test, repositories_nest_and_are_listed_over_pages) {
  for (const char* name : {"a", "a/b/c", "group", "group/app/sub", "z"}) add_image(name, "x", "layer");
  fs::create_directories(v2 / "repositories/empty/below");
  fs::create_directories(v2 / "repositories/Not-A-Name/_manifests");
  fs::create_directories(v2 / "repositories/a/_uploads/b/_layers");
  write_text(v2 / "repositories/file", "x");
  EXPECT_EQ(all([&](auto next) { return storage->list_repositories(next); }),
            (std::vector<std::string>{"a", "a/b/c", "group", "group/app", "group/app/sub", "z"}));
}

TEST_F(distribution_storage_test, tags_are_those_with_a_current_link) {
  for (const char* tag : {"v2", "v3"}) add_image("group/app", tag, "layer");
  fs::create_directories(v2 / "repositories/group/app/_manifests/tags/gone/index");
  EXPECT_EQ(all([&](auto next) { return storage->list_tags("group/app", next); }),
            (std::vector<std::string>{"v1", "v2", "v3"}));
  EXPECT_EQ(failure(storage->list_tags("unknown", std::nullopt)), errc::not_found);
  add_blob("blobs/only", "x");
  EXPECT_TRUE(get(storage->list_tags("blobs/only", std::nullopt)).value().names.empty());
}

TEST_F(distribution_storage_test, a_tag_of_a_deleted_revision_is_gone) {
  fs::remove(link("group/app", "_manifests/revisions", digest::of(image_text("layer"))));
  EXPECT_FALSE(get(storage->resolve("group/app", "v1")).value());
  EXPECT_EQ(failure(storage->get_manifest("group/app", "v1")), errc::not_found);
}

TEST_F(distribution_storage_test, a_sha512_link_may_lead_to_sha256_data) {
  const digest d = digest::of("layer", digest_algorithm::sha512);
  write_text(link("group/app", "_layers", d), digest::of("layer").text());
  EXPECT_EQ(get(storage->stat_blob("group/app", d)).value(), 5u);
  EXPECT_EQ(get(read_blob(*storage, "group/app", d, 0)).value(), "layer");
  write_text(link("group/app", "_layers", d), digest::of(config_text).text());
  EXPECT_EQ(failure(read_blob(*storage, "group/app", d, 0)), errc::corrupt);
}

TEST_F(distribution_storage_test, media_types_are_inferred) {
  const std::string layers = R"("layers":[],"config":)" + descriptor_text("x/y", config_text);
  const std::vector<std::pair<std::string, std::string>> all = {
      {R"({"schemaVersion":1,"name":"x","fsLayers":[]})", "application/vnd.docker.distribution.manifest.v1+json"},
      {R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)" + layers + "}",
       "application/vnd.docker.distribution.manifest.v2+json"},
      {R"({"schemaVersion":2,)" + layers + "}", image_type},
      {R"({"schemaVersion":2,"manifests":[]})", index_type},
  };
  for (const auto& [text, type] : all) {
    add_manifest("group/app", "t", text);
    EXPECT_EQ(get(storage->get_manifest("group/app", "t")).value().media_type, type);
  }
  add_manifest("group/app", "t", "no JSON");
  EXPECT_EQ(failure(storage->get_manifest("group/app", "t")), errc::corrupt);
}

TEST_F(distribution_storage_test, damage_is_corrupt_and_names_the_file) {
  write_text(data(digest::of("layer")), "lay3r");
  EXPECT_EQ(failure(read_blob(*storage, "group/app", digest::of("layer"), 0)), errc::corrupt);
  EXPECT_NE(last_text.find("data"), std::string::npos);
  fs::remove(data(digest::of("layer")));
  EXPECT_EQ(failure(storage->stat_blob("group/app", digest::of("layer"))), errc::corrupt);
  write_text(data(digest::of(image_text("layer"))), image_text("other"));
  EXPECT_EQ(failure(storage->get_manifest("group/app", "v1")), errc::corrupt);
  write_text(v2 / "repositories/group/app/_manifests/tags/v1/current/link", "sha256:12");
  EXPECT_EQ(failure(storage->resolve("group/app", "v1")), errc::corrupt);
  EXPECT_NE(last_text.find("current/link"), std::string::npos);
}

TEST_F(distribution_storage_test, names_that_are_none_and_links_that_lead_out_are_invalid) {
  for (const char* name : {"..", "a/../group/app", "/etc", "_uploads", ""}) {
    EXPECT_EQ(failure(storage->resolve(name, "v1")), errc::invalid) << name;
  }
  EXPECT_EQ(failure(storage->resolve("group/app", "../v1")), errc::invalid);
  write_text(place.path() / "outside/link", digest::of("layer").text());
  const fs::path at = link("group/app", "_layers", digest::of("layer"));
  fs::remove(at);
  fs::create_symlink(place.path() / "outside/link", at);
  EXPECT_EQ(failure(storage->stat_blob("group/app", digest::of("layer"))), errc::invalid);
}

TEST_F(distribution_storage_test, it_is_read_only_and_lists_no_referrers) {
  const digest d = digest::of(image_text("layer"));
  EXPECT_EQ(failure(storage->put_manifest("group/app", "v2", image_type, image_text("layer"))), errc::unsupported);
  EXPECT_EQ(failure(storage->delete_tag("group/app", "v1")), errc::unsupported);
  EXPECT_EQ(failure(storage->delete_manifest("group/app", d)), errc::unsupported);
  EXPECT_EQ(failure(storage->begin_blob("group/app", d, 1, std::nullopt)), errc::unsupported);
  EXPECT_EQ(failure(storage->referrers("group/app", d)), errc::unsupported);
}

}  // namespace
}  // namespace longshore::tests
