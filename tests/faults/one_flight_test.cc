// One layer, many images at once.

#include "engine/tasks.h"
#include "tests/faults/fault_fixture.h"

namespace longshore::tests {
namespace {

using one_flight = fault_fixture;
namespace asio = boost::asio;

TEST_F(one_flight, sixty_four_images_in_as_many_repositories_share_a_layer_that_the_source_serves_once) {
  constexpr int images = 64;
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  const auto repository = [](int i) { return "shared/r" + std::to_string(i); };
  const auto layer = add(repository(0), 100'000'000);
  const auto layer_digest = digest::of(layer);
  std::vector<std::string> configs;
  for (int i = 0; i < images; ++i) {
    configs.push_back("{\"image\":" + std::to_string(i) + "}");
    add(repository(i), configs.back());
    if (i > 0) {
      auto mounted = run(plain_source->begin_blob(repository(i), layer_digest, layer.size(), repository(0)));
      ASSERT_TRUE(mounted && !*mounted);
    }
  }
  const auto manifest_of = [&](int i) {
    const auto& config = configs[static_cast<std::size_t>(i)];
    return R"({"schemaVersion":2,"mediaType":")" + type +
           R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" +
           digest::of(config).text() + R"(","size":)" + std::to_string(config.size()) +
           R"(},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + layer_digest.text() +
           R"(","size":)" + std::to_string(layer.size()) + "}]}";
  };
  int published = 0;
  const auto copy_image = [&](int i) -> asio::awaitable<void> {
    const auto& config = configs[static_cast<std::size_t>(i)];
    auto big = co_await copies->bring({repository(i), layer_digest, layer.size(), {}, nullptr});
    auto small = co_await copies->bring({repository(i), digest::of(config), config.size(), {}, nullptr});
    EXPECT_TRUE(big) << big.error().text;
    EXPECT_TRUE(small) << small.error().text;
    auto put = co_await target->put_manifest(repository(i), "latest", type, manifest_of(i));
    EXPECT_TRUE(put) << put.error().text;
    if (put) ++published;
  };
  std::vector<asio::awaitable<void>> all;
  for (int i = 0; i < images; ++i) all.push_back(copy_image(i));
  run_body(engine::run_all(std::move(all)));
  EXPECT_EQ(published, images);
  EXPECT_EQ(source_way->count("GET", layer_digest.text()), 1u);
  EXPECT_EQ(source_way->body_out("GET", layer_digest.text()), layer.size());
  std::uint64_t config_bytes = 0;
  for (const auto& c : configs) config_bytes += c.size();
  EXPECT_EQ(target_way->body_in("PATCH") + target_way->body_in("PUT", "/blobs/"), layer.size() + config_bytes);
  EXPECT_EQ(copies->counters().mounted, static_cast<std::uint64_t>(images - 1));
  EXPECT_EQ(target_way->count("HEAD", layer_digest.text()), 1u) << "the index knows from then on";
  for (const int i : {0, 1, images - 1}) {
    EXPECT_EQ(*run(plain_target->stat_blob(repository(i), layer_digest)), layer.size());
  }
}

}  // namespace
}  // namespace longshore::tests
