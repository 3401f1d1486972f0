// Against a real Distribution 2.8 server.

#include "engine/manifest.h"
#include "registry_fixture.h"
#include "tests/support/registry/registry_process.h"

namespace longshore::api {
namespace {

class real_registry_test : public tests::registry_fixture {
 protected:
  void SetUp() override {
    if (!tests::registry_process::available()) {
      GTEST_SKIP() << "SKIPPED: /usr/bin/docker-registry is missing; install Debian's docker-registry to run this test";
    }
    start({});
  }
  void start(tests::registry_settings s) {
    registry.reset();
    auto started = tests::registry_process::start(std::move(s));
    ASSERT_TRUE(started) << started.error().text;
    registry = std::move(*started);
    registry_options o;
    o.address = registry->url();
    o.page_size = 2;
    make(std::move(o));
  }
  // An image of one layer; its manifest.
  std::string push_image(const std::string& repository, const std::string& tag, const std::string& layer) {
    const std::string config = R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})";
    EXPECT_TRUE(get(push(repository, config, std::nullopt)));
    EXPECT_TRUE(get(push(repository, layer, std::nullopt)));
    const auto part = [](const std::string& type, const std::string& bytes) {
      return R"({"mediaType":")" + type + R"(","digest":")" + digest::of(bytes).text() + R"(","size":)" +
             std::to_string(bytes.size()) + "}";
    };
    const auto manifest = R"({"schemaVersion":2,"mediaType":")" + type + R"(","config":)" +
                          part("application/vnd.oci.image.config.v1+json", config) + R"(,"layers":[)" +
                          part("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
    const auto put = get(client->put_manifest(repository, tag, type, manifest));
    EXPECT_TRUE(put) << (put ? "" : put.error().text);
    return manifest;
  }
  std::vector<std::string> all(const std::function<task<engine::tag_page>(std::optional<std::string>)>& list) {
    std::vector<std::string> out;
    std::optional<std::string> next;
    do {
      auto page = get(list(next));
      EXPECT_TRUE(page) << (page ? "" : page.error().text);
      if (!page) return out;
      out.insert(out.end(), page->names.begin(), page->names.end());
      next = page->next;
    } while (next);
    return out;
  }

  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  std::unique_ptr<tests::registry_process> registry;
};

TEST_F(real_registry_test, it_answers_a_ping) {
  const auto r = get(client->ping());
  EXPECT_TRUE(r) << r.error().text;
}

TEST_F(real_registry_test, an_image_pushed_is_read_back_byte_for_byte) {
  std::string layer;
  for (std::uint32_t i = 0; i < 3'000'000; ++i) layer.push_back(static_cast<char>((i * 7919u) >> 5));
  const auto manifest = push_image("group/app", "v1", layer);
  const auto d = digest::of(manifest);
  EXPECT_EQ(get(client->resolve("group/app", "v1")).value(), d);
  for (const std::string& ref : {std::string("v1"), d.text()}) {
    const auto m = get(client->get_manifest("group/app", ref));
    ASSERT_TRUE(m) << m.error().text;
    EXPECT_EQ(m->bytes, manifest);
    EXPECT_EQ(m->media_type, type);
  }
  EXPECT_EQ(get(client->stat_blob("group/app", digest::of(layer))).value(), layer.size());
  EXPECT_TRUE(get(read_all("group/app", digest::of(layer), 0)).value() == layer);
  EXPECT_TRUE(get(read_all("group/app", digest::of(layer), 2'999'000)).value() == layer.substr(2'999'000));
}

TEST_F(real_registry_test, an_empty_blob_is_stored) {
  EXPECT_TRUE(get(push("a", "", std::nullopt)));
  EXPECT_EQ(get(client->stat_blob("a", digest::of(""))).value(), 0u);
  EXPECT_EQ(get(read_all("a", digest::of(""), 0)).value(), "");
}

TEST_F(real_registry_test, a_blob_is_mounted_from_where_it_is_and_uploaded_where_it_is_not) {
  push_image("a", "x", "the layer");
  EXPECT_FALSE(get(push("b", "the layer", "a")).value());
  EXPECT_EQ(get(client->stat_blob("b", digest::of("the layer"))).value(), 9u);
  EXPECT_TRUE(get(push("b", "another layer", "a")).value());
  EXPECT_EQ(get(client->stat_blob("b", digest::of("another layer"))).value(), 13u);
}

TEST_F(real_registry_test, what_is_not_there_is_known_not_to_be_there) {
  push_image("a", "x", "layer");
  EXPECT_FALSE(get(client->resolve("a", "y")).value());
  EXPECT_FALSE(get(client->resolve("unknown", "y")).value());
  EXPECT_FALSE(get(client->stat_blob("a", digest::of("other"))).value());
  EXPECT_EQ(failure(client->get_manifest("a", "y")).code, errc::not_found);
  EXPECT_EQ(failure(read_all("a", digest::of("other"), 0)).code, errc::not_found);
  EXPECT_EQ(failure(client->list_tags("unknown", {})).code, errc::not_found);
}

TEST_F(real_registry_test, a_manifest_whose_parts_are_missing_is_rejected) {
  const auto manifest = R"({"schemaVersion":2,"mediaType":")" + type +
                        R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
                        digest::of("nowhere").text() + R"(","size":7},"layers":[]})";
  const auto e = failure(client->put_manifest("a", "x", type, manifest));
  EXPECT_EQ(e.code, errc::rejected);
  EXPECT_NE(e.text.find("BLOB_UNKNOWN"), std::string::npos) << e.text;
}

TEST_F(real_registry_test, wrong_content_for_a_digest_is_rejected) {
  result<> done;
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    const auto d = digest::of("right");
    auto writer = co_await client->begin_blob("a", d, 5, std::nullopt);
    const std::string bytes = "wrong";
    EXPECT_TRUE(co_await (*writer)->write(boost::asio::buffer(bytes)));
    done = co_await (*writer)->finish(d);
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, errc::rejected) << done.error().text;
}

TEST_F(real_registry_test, tags_and_repositories_are_listed_completely) {
  for (const char* tag : {"t1", "t2", "t3", "t4", "t5"}) push_image("a", tag, "layer");
  for (const char* repository : {"b", "c/d", "e"}) push_image(repository, "x", "layer");
  auto tags = all([&](auto next) { return client->list_tags("a", next); });
  std::sort(tags.begin(), tags.end());
  EXPECT_EQ(tags, (std::vector<std::string>{"t1", "t2", "t3", "t4", "t5"}));
  EXPECT_EQ(all([&](auto next) { return client->list_repositories(next); }),
            (std::vector<std::string>{"a", "b", "c/d", "e"}));
}

TEST_F(real_registry_test, a_manifest_is_deleted_by_digest_and_a_tag_is_not) {
  const auto d = digest::of(push_image("a", "x", "layer"));
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::unsupported);
  EXPECT_TRUE(get(client->resolve("a", "x")).value());
  EXPECT_TRUE(get(client->delete_manifest("a", d)));
  EXPECT_FALSE(get(client->resolve("a", "x")).value());
  EXPECT_EQ(failure(client->delete_manifest("a", d)).code, errc::not_found);
}

TEST_F(real_registry_test, deleting_where_it_is_switched_off_is_unsupported) {
  tests::registry_settings s;
  s.delete_enabled = false;
  start(s);
  const auto d = digest::of(push_image("a", "x", "layer"));
  EXPECT_EQ(failure(client->delete_manifest("a", d)).code, errc::unsupported);
  EXPECT_EQ(failure(client->delete_tag("a", "x")).code, errc::unsupported);
}

TEST_F(real_registry_test, it_has_no_referrers_api) {
  const auto d = digest::of(push_image("a", "x", "layer"));
  EXPECT_EQ(failure(client->referrers("a", d)).code, errc::unsupported);
}

TEST_F(real_registry_test, a_cancelled_upload_leaves_nothing_and_a_new_one_succeeds) {
  const std::string body(1'000'000, 'q');
  tests::run_test(io, [&]() -> boost::asio::awaitable<void> {
    auto writer = co_await client->begin_blob("a", digest::of(body), body.size(), std::nullopt);
    EXPECT_TRUE(writer);
    EXPECT_TRUE(co_await (*writer)->write(boost::asio::buffer(body.data(), 500'000)));
    EXPECT_TRUE(co_await (*writer)->cancel());
  });
  EXPECT_FALSE(get(client->stat_blob("a", digest::of(body))).value());
  EXPECT_TRUE(get(push("a", body, std::nullopt)));
}

TEST_F(real_registry_test, a_registry_that_went_away_and_came_back_is_used_again) {
  push_image("a", "x", "layer");
  registry->kill();
  EXPECT_EQ(failure(client->resolve("a", "x")).code, errc::unavailable);
  ASSERT_TRUE(registry->restart());
  EXPECT_TRUE(get(client->resolve("a", "x")).value());
}

}  // namespace
}  // namespace longshore::api
