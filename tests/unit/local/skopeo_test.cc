// With the tools that others use: skopeo reads what we wrote, we read what it wrote, and what a real Distribution
// server left on its disk.

#include <cstdlib>

#include "api/local/distribution_storage.h"
#include "api/local/oci_archive.h"
#include "local_fixture.h"
#include "tests/support/registry/registry_process.h"

namespace longshore::tests {
namespace {

namespace fs = std::filesystem;

class skopeo_test : public registry_runner {
 protected:
  void SetUp() override {
    if (std::system("command -v skopeo >/dev/null 2>&1") != 0) GTEST_SKIP() << "SKIPPED: install Debian's skopeo";
  }
  std::string path(const std::string& name) const { return (place.path() / name).string(); }
  // Standard output; fails the test when skopeo does.
  std::string skopeo(const std::string& arguments) {
    const std::string command = "timeout 60 skopeo --tmpdir " + place.path().string() + " " + arguments + " >" +
                                path("out") + " 2>" + path("err");
    EXPECT_EQ(std::system(command.c_str()), 0) << arguments << "\n" << read_text(path("err"));
    return read_text(path("out"));
  }
  void make_layout(const std::string& name) {
    auto layout = api::oci_layout::open({.directory = place.path() / name, .access = api::layout_access::write});
    ASSERT_TRUE(layout) << layout.error().text;
    for (const char* layer : {"one", "two"}) {
      ASSERT_TRUE(get(push_image(**layout, "", digest::of(image_text(layer)).text(), layer)));
    }
    ASSERT_TRUE(
        get((*layout)->put_manifest("", "all", index_type, index_text({image_text("one"), image_text("two")}))));
  }
  void expect_image(engine::registry& in, const std::string& repository, const std::string& tag,
                    const std::string& layer) {
    const auto m = get(in.get_manifest(repository, tag));
    ASSERT_TRUE(m) << m.error().text;
    EXPECT_EQ(m->bytes, image_text(layer));
    EXPECT_EQ(m->media_type, image_type);
    EXPECT_EQ(get(read_blob(in, repository, digest::of(layer), 0)).value(), layer);
    EXPECT_EQ(get(read_blob(in, repository, digest::of(config_text), 0)).value(), config_text);
  }

  testing::scratch place;
};

TEST_F(skopeo_test, it_reads_an_image_that_we_wrote_with_and_without_its_tag) {
  {
    auto layout = api::oci_layout::open({.directory = place.path() / "ours", .access = api::layout_access::write});
    ASSERT_TRUE(get(push_image(**layout, "", digest::of(image_text("layer")).text(), "layer")));
    ASSERT_TRUE(get(push_image(**layout, "", "v1", "layer")));
  }
  EXPECT_EQ(skopeo("inspect --raw oci:" + path("ours") + ":v1"), image_text("layer"));
  EXPECT_EQ(skopeo("inspect --raw oci:" + path("ours")), image_text("layer"));
}

TEST_F(skopeo_test, a_layout_goes_through_it_and_back_unchanged) {
  make_layout("ours");
  skopeo("copy --insecure-policy --preserve-digests --all oci:" + path("ours") + ":all oci:" + path("theirs") +
         ":again");
  auto layout = api::oci_layout::open({.directory = place.path() / "theirs"});
  ASSERT_TRUE(layout) << layout.error().text;
  EXPECT_EQ(get((*layout)->get_manifest("", "again")).value().bytes,
            index_text({image_text("one"), image_text("two")}));
  expect_image(**layout, "", digest::of(image_text("one")).text(), "one");
  EXPECT_EQ(get((*layout)->list_tags("", std::nullopt))->names, std::vector<std::string>{"again"});
}

TEST_F(skopeo_test, an_archive_goes_through_it_and_back_unchanged) {
  {
    auto ours = api::oci_archive::open({.file = path("ours.tar"), .access = api::layout_access::write});
    ASSERT_TRUE(ours) << ours.error().text;
    ASSERT_TRUE(get(push_image((*ours)->registry(), "", "v1", "layer")));
    ASSERT_TRUE(get((*ours)->finish()));
  }
  skopeo("copy --insecure-policy --preserve-digests oci-archive:" + path("ours.tar") +
         ":v1 oci-archive:" + path("theirs.tar") + ":v2");
  auto theirs = api::oci_archive::open({.file = path("theirs.tar"), .temporary = place.path()});
  ASSERT_TRUE(theirs) << theirs.error().text;
  expect_image((*theirs)->registry(), "", "v2", "layer");
}

TEST_F(skopeo_test, a_layout_that_it_began_is_added_to_and_it_reads_both) {
  make_layout("ours");
  skopeo("copy --insecure-policy --preserve-digests --all oci:" + path("ours") + ":all oci:" + path("theirs") +
         ":first");
  {
    auto layout = api::oci_layout::open({.directory = place.path() / "theirs", .access = api::layout_access::write});
    ASSERT_TRUE(layout) << layout.error().text;
    ASSERT_TRUE(get(push_image(**layout, "", "second", "layer")));
  }
  EXPECT_EQ(skopeo("inspect --raw oci:" + path("theirs") + ":second"), image_text("layer"));
  EXPECT_EQ(skopeo("inspect --raw oci:" + path("theirs") + ":first"),
            index_text({image_text("one"), image_text("two")}));
}

TEST_F(skopeo_test, what_a_real_registry_stored_is_read_without_it) {
  if (!registry_process::available()) GTEST_SKIP() << "SKIPPED: install Debian's docker-registry to run this";
  make_layout("ours");
  auto process = registry_process::start({});
  ASSERT_TRUE(process) << process.error().text;
  const std::string target = " docker://" + (*process)->address() + "/";
  const std::string copy =
      "copy --insecure-policy --preserve-digests --dest-tls-verify=false --all oci:" + path("ours") + ":all";
  skopeo(copy + target + "group/app:v1");
  skopeo(copy + target + "other:v2");
  (*process)->stop();
  auto storage = api::distribution_storage::open({.directory = (*process)->storage()});
  ASSERT_TRUE(storage) << storage.error().text;
  EXPECT_EQ(get((*storage)->list_repositories(std::nullopt))->names, (std::vector<std::string>{"group/app", "other"}));
  EXPECT_EQ(get((*storage)->list_tags("group/app", std::nullopt))->names, std::vector<std::string>{"v1"});
  const auto index = get((*storage)->get_manifest("group/app", "v1"));
  ASSERT_TRUE(index) << index.error().text;
  EXPECT_EQ(index->bytes, index_text({image_text("one"), image_text("two")}));
  EXPECT_EQ(index->media_type, index_type);
  expect_image(**storage, "group/app", digest::of(image_text("one")).text(), "one");
  expect_image(**storage, "other", digest::of(image_text("two")).text(), "two");
}

}  // namespace
}  // namespace longshore::tests
