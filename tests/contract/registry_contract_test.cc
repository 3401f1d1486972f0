// One suite for engine::registry, run on every implementation that can be written: in memory, as an OCI layout, in an
// archive, and over HTTP against a real Distribution server.

#include "api/local/oci_archive.h"
#include "api/local/oci_layout.h"
#include "api/registry_client.h"
#include "tests/support/memory/memory_registry.h"
#include "tests/support/registry/registry_process.h"
#include "tests/unit/local/local_fixture.h"

namespace longshore::tests {
namespace {

enum class kind { memory, layout, archive, distribution };

class registry_contract : public registry_runner, public ::testing::WithParamInterface<kind> {
 protected:
  void SetUp() override {
    switch (GetParam()) {
      case kind::memory:
        memory = std::make_unique<engine::testing::memory_registry>("memory");
        registry = memory.get();
        return;
      case kind::layout: {
        auto opened = api::oci_layout::open(
            {.directory = place.path() / "layout", .access = api::layout_access::write, .page_size = 2});
        ASSERT_TRUE(opened) << opened.error().text;
        layout = *std::move(opened);
        registry = layout.get();
        return;
      }
      case kind::archive: {
        auto opened = api::oci_archive::open(
            {.file = place.path() / "images.tar", .access = api::layout_access::write, .page_size = 2});
        ASSERT_TRUE(opened) << opened.error().text;
        archive = *std::move(opened);
        registry = &archive->registry();
        return;
      }
      case kind::distribution: {
        if (!registry_process::available()) GTEST_SKIP() << "SKIPPED: install Debian's docker-registry to run this";
        auto started = registry_process::start({});
        ASSERT_TRUE(started) << started.error().text;
        process = *std::move(started);
        api::registry_options options;
        options.address = process->url();
        options.page_size = 2;
        auto made = api::registry_client::create(io.get_executor(), now, std::move(options));
        ASSERT_TRUE(made) << made.error().text;
        client = *std::move(made);
        registry = client.get();
        return;
      }
    }
  }
  digest image(const std::string& ref, const std::string& layer) {
    auto put = get(push_image(*registry, "app", ref, layer));
    EXPECT_TRUE(put) << (put ? "" : put.error().text);
    return put ? *put : digest::of("");
  }

  testing::scratch place;
  manual_clock now{{1'700'000'000'000'000}};
  std::unique_ptr<engine::testing::memory_registry> memory;
  std::unique_ptr<api::oci_layout> layout;
  std::unique_ptr<api::oci_archive> archive;
  std::unique_ptr<registry_process> process;
  std::unique_ptr<api::registry_client> client;
  engine::registry* registry = nullptr;
};

TEST_P(registry_contract, a_manifest_is_had_by_tag_and_by_digest_as_it_was_put) {
  const digest d = image("v1", "layer");
  EXPECT_EQ(d, digest::of(image_text("layer")));
  for (const std::string& ref : {std::string("v1"), d.text()}) {
    const auto m = get(registry->get_manifest("app", ref));
    ASSERT_TRUE(m) << m.error().text;
    EXPECT_EQ(m->bytes, image_text("layer"));
    EXPECT_EQ(m->media_type, image_type);
    EXPECT_EQ(m->digest, d);
    EXPECT_EQ(get(registry->resolve("app", ref)).value(), d);
  }
}

TEST_P(registry_contract, a_large_blob_is_read_whole_and_from_the_middle) {
  std::string body;
  for (std::uint32_t i = 0; i < 3'000'000; ++i) body.push_back(static_cast<char>((i * 7919u) >> 5));
  ASSERT_TRUE(get(push_blob(*registry, "app", body, digest::of(body))).value());
  EXPECT_EQ(get(registry->stat_blob("app", digest::of(body))).value(), body.size());
  EXPECT_TRUE(get(read_blob(*registry, "app", digest::of(body), 0)).value() == body);
  EXPECT_TRUE(get(read_blob(*registry, "app", digest::of(body), 2'999'000)).value() == body.substr(2'999'000));
}

TEST_P(registry_contract, an_empty_blob_is_a_blob) {
  ASSERT_TRUE(get(push_blob(*registry, "app", "", digest::of(""))).value());
  EXPECT_EQ(get(registry->stat_blob("app", digest::of(""))).value(), 0u);
  EXPECT_EQ(get(read_blob(*registry, "app", digest::of(""), 0)).value(), "");
}

TEST_P(registry_contract, a_blob_of_another_digest_is_rejected_and_is_not_there) {
  EXPECT_EQ(failure(push_blob(*registry, "app", "wrong", digest::of("right"))), errc::rejected);
  EXPECT_FALSE(get(registry->stat_blob("app", digest::of("right"))).value());
  EXPECT_FALSE(get(registry->stat_blob("app", digest::of("wrong"))).value());
}

TEST_P(registry_contract, a_cancelled_upload_leaves_no_blob) {
  const std::string body = "half of it";
  auto writer = get(registry->begin_blob("app", digest::of(body), body.size(), std::nullopt));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(get((*writer)->write(boost::asio::buffer(body, body.size() / 2))));
  EXPECT_TRUE(get((*writer)->cancel()));
  EXPECT_FALSE(get(registry->stat_blob("app", digest::of(body))).value());
}

TEST_P(registry_contract, what_is_missing_is_known_to_be_missing) {
  image("v1", "layer");
  const digest absent = digest::of("absent");
  EXPECT_EQ(failure(registry->get_manifest("app", "v2")), errc::not_found);
  EXPECT_EQ(failure(registry->get_manifest("app", absent.text())), errc::not_found);
  EXPECT_FALSE(get(registry->resolve("app", "v2")).value());
  EXPECT_FALSE(get(registry->resolve("app", absent.text())).value());
  EXPECT_FALSE(get(registry->stat_blob("app", absent)).value());
  EXPECT_EQ(failure(read_blob(*registry, "app", absent, 0)), errc::not_found);
}

TEST_P(registry_contract, a_blob_is_not_a_manifest) {
  image("v1", "layer");
  // Distribution 2 looks among the blobs, too, and answers 500 when it cannot parse what it finds.
  const errc expected = GetParam() == kind::distribution ? errc::unavailable : errc::not_found;
  EXPECT_EQ(failure(registry->get_manifest("app", digest::of("layer").text())), expected);
  EXPECT_EQ(failure(registry->get_manifest("app", digest::of(config_text).text())), expected);
}

TEST_P(registry_contract, a_manifest_whose_content_is_missing_is_rejected) {
  EXPECT_EQ(failure(registry->put_manifest("app", "v1", image_type, image_text("nowhere"))), errc::rejected);
  EXPECT_FALSE(get(registry->resolve("app", "v1")).value());
}

TEST_P(registry_contract, a_manifest_under_the_digest_of_another_is_rejected) {
  image("v1", "layer");
  const std::string other = digest::of("other").text();
  EXPECT_EQ(failure(registry->put_manifest("app", other, image_type, image_text("layer"))), errc::rejected);
  EXPECT_FALSE(get(registry->resolve("app", other)).value());
}

TEST_P(registry_contract, a_tag_that_is_put_again_moves_and_the_old_manifest_stays) {
  const digest first = image("v1", "first"), second = image("v1", "second");
  EXPECT_EQ(get(registry->resolve("app", "v1")).value(), second);
  EXPECT_EQ(get(registry->resolve("app", first.text())).value(), first);
}

TEST_P(registry_contract, an_index_with_its_children_is_had_back) {
  image(digest::of(image_text("one")).text(), "one");
  image(digest::of(image_text("two")).text(), "two");
  const std::string index = index_text({image_text("one"), image_text("two")});
  ASSERT_TRUE(get(registry->put_manifest("app", "v1", index_type, index)));
  const auto m = get(registry->get_manifest("app", "v1"));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->bytes, index);
  EXPECT_EQ(m->media_type, index_type);
  const auto child = get(registry->get_manifest("app", digest::of(image_text("two")).text()));
  ASSERT_TRUE(child) << child.error().text;
  EXPECT_EQ(child->media_type, image_type);
}

TEST_P(registry_contract, tags_are_listed_completely_over_pages) {
  for (const char* tag : {"t5", "t3", "t1", "t4", "t2"}) image(tag, "layer");
  auto tags = all([&](auto next) { return registry->list_tags("app", next); });
  std::ranges::sort(tags);
  EXPECT_EQ(tags, (std::vector<std::string>{"t1", "t2", "t3", "t4", "t5"}));
  EXPECT_EQ(all([&](auto next) { return registry->list_repositories(next); }).size(), 1u);
}

TEST_P(registry_contract, deleting_a_manifest_takes_its_tags) {
  const digest d = image("v1", "layer"), other = image("v2", "other layer");
  image("also", "layer");
  ASSERT_TRUE(get(registry->delete_manifest("app", d)));
  for (const std::string& ref : {std::string("v1"), std::string("also"), d.text()}) {
    EXPECT_FALSE(get(registry->resolve("app", ref)).value()) << ref;
  }
  EXPECT_EQ(get(registry->resolve("app", "v2")).value(), other);
  EXPECT_EQ(failure(registry->delete_manifest("app", d)), errc::not_found);
}

TEST_P(registry_contract, deleting_a_tag_leaves_its_siblings_or_is_unsupported) {
  const digest d = image("v1", "layer");
  image("v2", "layer");
  const auto deleted = get(registry->delete_tag("app", "v1"));
  if (!deleted) {
    EXPECT_EQ(deleted.error().code, errc::unsupported);
    EXPECT_EQ(get(registry->resolve("app", "v1")).value(), d);
    return;
  }
  EXPECT_FALSE(get(registry->resolve("app", "v1")).value());
  EXPECT_EQ(get(registry->resolve("app", "v2")).value(), d);
  EXPECT_EQ(get(registry->resolve("app", d.text())).value(), d);
  EXPECT_EQ(failure(registry->delete_tag("app", "v1")), errc::not_found);
}

TEST_P(registry_contract, a_blob_that_is_there_is_mounted_and_another_is_not) {
  image("v1", "layer");
  EXPECT_FALSE(get(push_blob(*registry, "other", "layer", digest::of("layer"), "app")).value());
  EXPECT_TRUE(get(push_blob(*registry, "other", "new layer", digest::of("new layer"), "app")).value());
  EXPECT_EQ(get(registry->stat_blob("other", digest::of("new layer"))).value(), 9u);
}

std::string kind_name(const ::testing::TestParamInfo<kind>& tested) {
  constexpr std::array names{"memory", "layout", "archive", "distribution"};
  return names.at(static_cast<std::size_t>(tested.param));
}

INSTANTIATE_TEST_SUITE_P(all, registry_contract,
                         ::testing::Values(kind::memory, kind::layout, kind::archive, kind::distribution), kind_name);

}  // namespace
}  // namespace longshore::tests
