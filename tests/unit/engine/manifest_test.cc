#include "engine/manifest.h"

#include <gtest/gtest.h>

#include "storage/env/random.h"
#include "tests/support/memory/images.h"

namespace longshore::engine {
namespace {

using namespace testing;

constexpr const char* repo = "team/app";

manifest parsed(memory_registry& r, const digest& d) {
  const manifest_document* m = r.manifest_at(repo, d.text());
  auto p = parse_manifest(m->media_type, m->bytes);
  EXPECT_TRUE(p) << p.error().text;
  return p ? *std::move(p) : manifest{};
}

errc code_of(std::string_view type, std::string_view bytes) {
  const auto p = parse_manifest(type, bytes);
  EXPECT_FALSE(p) << bytes;
  return p ? errc::stopped : p.error().code;
}

std::string descriptor_of(std::string_view type, std::string_view content, std::string_view more = {}) {
  return descriptor_json(type, digest::of(content), content.size(), more);
}

std::string index_of(const std::string& entries) { return "{\"schemaVersion\":2,\"manifests\":[" + entries + "]}"; }

TEST(manifest_test, an_image_refers_to_its_config_and_layers_as_blobs) {
  memory_registry r("r");
  for (const digest& d : {add_docker_image(r, repo, {"a", "b"}), add_oci_image(r, repo, {"a", "b"})}) {
    const manifest m = parsed(r, d);
    EXPECT_EQ(m.kind, manifest_kind::image);
    ASSERT_EQ(m.references.size(), 3u);
    for (const auto& ref : m.references) EXPECT_EQ(ref.as, copy_as::blob);
    EXPECT_EQ(m.references[1].target.digest, digest::of("a"));
    EXPECT_EQ(m.references[1].target.size, 1u);
  }
}

TEST(manifest_test, an_index_refers_to_manifests_whatever_their_kind) {
  memory_registry r("r");
  const auto image = add_oci_image(r, repo, {"a"});
  const auto nested = add_index(r, repo, {image});
  const auto old = add_docker_image(r, repo, {"b"});
  for (const auto type : {media_type::oci_index, media_type::docker_list}) {
    const manifest m = parsed(r, add_index(r, repo, {image, nested, old}, type));
    EXPECT_EQ(m.kind, manifest_kind::index);
    ASSERT_EQ(m.references.size(), 3u);
    for (const auto& ref : m.references) EXPECT_EQ(ref.as, copy_as::manifest);
  }
}

TEST(manifest_test, a_cache_index_refers_to_its_entries_by_their_own_types) {
  memory_registry r("r");
  const manifest m = parsed(r, add_cache_index(r, repo, {"a", "b"}));
  ASSERT_EQ(m.references.size(), 3u);
  for (const auto& ref : m.references) EXPECT_EQ(ref.as, copy_as::blob) << ref.target.media_type;
}

TEST(manifest_test, an_index_entry_of_unknown_type_may_be_either) {
  const auto m = parse_manifest(media_type::oci_index, index_of(descriptor_of("application/vnd.example", "x")));
  ASSERT_TRUE(m);
  EXPECT_EQ(m->references.front().as, copy_as::either);
}

TEST(manifest_test, a_layer_of_a_manifest_type_is_still_a_blob) {
  const auto m =
      parse_manifest(media_type::oci_manifest, "{\"layers\":[" + descriptor_of(media_type::oci_index, "x") + "]}");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->references.front().as, copy_as::blob);
}

TEST(manifest_test, a_schema_1_manifest_refers_to_each_layer_once_and_knows_no_sizes) {
  memory_registry r("r");
  for (const bool is_signed : {false, true}) {
    const manifest m = parsed(r, add_schema1_image(r, repo, {"a", "b", "a"}, is_signed));
    EXPECT_EQ(m.kind, manifest_kind::schema1);
    ASSERT_EQ(m.references.size(), 2u);
    EXPECT_FALSE(m.references.front().size_known);
  }
}

TEST(manifest_test, an_artifact_refers_to_its_blobs_and_names_its_subject) {
  const auto m = parse_manifest(media_type::oci_artifact,
                                "{\"blobs\":[" + descriptor_of("text/plain", "x") +
                                    "],\"subject\":" + descriptor_of(media_type::oci_manifest, "s") + "}");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->kind, manifest_kind::artifact);
  EXPECT_EQ(m->references.size(), 1u);
  ASSERT_TRUE(m->subject);
  EXPECT_EQ(m->subject->digest, digest::of("s"));
}

TEST(manifest_test, images_and_indexes_name_their_subject_too) {
  const std::string subject = "\"subject\":" + descriptor_of(media_type::oci_manifest, "s");
  for (const auto type : {media_type::oci_manifest, media_type::oci_index}) {
    const auto m = parse_manifest(type, "{" + subject + "}");
    ASSERT_TRUE(m && m->subject) << type;
  }
}

TEST(manifest_test, foreign_layers_are_told_by_media_type_and_never_by_urls) {
  const std::string urls = ",\"urls\":[\"https://example.com\"]";
  const auto m = parse_manifest(
      media_type::oci_manifest,
      "{\"layers\":[" + descriptor_of("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "a") + "," +
          descriptor_of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "b", urls) + "," +
          descriptor_of("application/vnd.oci.image.layer.v1.tar", "c", urls) + "]}");
  ASSERT_TRUE(m);
  EXPECT_EQ(m->foreign.size(), 2u);
  ASSERT_EQ(m->references.size(), 1u);
  EXPECT_EQ(m->references.front().target.digest, digest::of("c"));
}

TEST(manifest_test, embedded_data_is_used_only_when_it_is_what_the_descriptor_says) {
  const auto with_data = [](std::string_view content, std::string_view data) {
    return parse_manifest(media_type::oci_manifest, "{\"config\":" +
                                                        descriptor_of("application/vnd.oci.empty.v1+json", content,
                                                                      ",\"data\":\"" + to_base64(data, false) + "\"") +
                                                        "}");
  };
  EXPECT_EQ(with_data("{}", "{}")->references.front().data, "{}");
  EXPECT_EQ(with_data("{}", "[]")->references.front().data, "");
  EXPECT_EQ(with_data("{}", "{} ")->references.front().data, "");
}

TEST(manifest_test, a_document_without_a_useful_type_is_told_by_its_own_words_and_shape) {
  memory_registry r("r");
  const auto image = r.manifest_at(repo, add_docker_image(r, repo, {"a"}).text())->bytes;
  const auto old = r.manifest_at(repo, add_schema1_image(r, repo, {"a"}, true).text())->bytes;
  for (const std::string_view type : {"", "application/json", "application/vnd.example.unknown"}) {
    EXPECT_EQ(parse_manifest(type, image)->kind, manifest_kind::image);
    EXPECT_EQ(parse_manifest(type, old)->kind, manifest_kind::schema1);
    EXPECT_EQ(parse_manifest(type, index_of(""))->kind, manifest_kind::index);
    EXPECT_EQ(parse_manifest(type, "{\"blobs\":[]}")->kind, manifest_kind::artifact);
  }
}

TEST(manifest_test, an_unknown_type_that_says_nothing_refers_to_nothing) {
  for (const std::string_view bytes : {"{}", "{\"a\":1}", "no json at all", ""}) {
    const auto m = parse_manifest("application/vnd.example.unknown", bytes);
    ASSERT_TRUE(m) << bytes;
    EXPECT_EQ(m->kind, manifest_kind::opaque);
    EXPECT_TRUE(m->references.empty());
  }
}

TEST(manifest_test, empty_lists_are_fine) {
  EXPECT_TRUE(parse_manifest(media_type::oci_index, index_of("")));
  EXPECT_TRUE(parse_manifest(media_type::oci_manifest, "{\"layers\":[]}"));
  EXPECT_TRUE(parse_manifest(media_type::oci_manifest, "{\"layers\":null,\"subject\":null}"));
}

TEST(manifest_test, malformed_documents_are_invalid) {
  const std::string good = digest::of("x").text();
  for (const std::string& bytes : {
           std::string(""),
           std::string("null"),
           std::string("[]"),
           std::string("{\"layers\":{}}"),
           std::string("{\"layers\":[1]}"),
           std::string("{\"layers\":[{}]}"),
           std::string("{\"config\":\"x\"}"),
           std::string("{\"layers\":[{\"digest\":\"sha256:baddigeststring\"}]}"),
           std::string("{\"layers\":[{\"digest\":7}]}"),
           "{\"layers\":[{\"digest\":\"" + good + "\",\"size\":-1}]}",
           "{\"layers\":[{\"digest\":\"" + good + "\",\"size\":1e99}]}",
           "{\"layers\":[{\"digest\":\"" + good + "\",\"size\":18446744073709551615}]}",
           "{\"layers\":[{\"mediaType\":[],\"digest\":\"" + good + "\",\"size\":1}]}",
           std::string("{\"subject\":7}"),
           std::string("{\"layers\":[]"),
           std::string("\xff\xfe{}"),
       }) {
    EXPECT_EQ(code_of(media_type::oci_manifest, bytes), errc::invalid) << bytes;
  }
  EXPECT_EQ(code_of(media_type::docker_schema1, "{}"), errc::invalid);
}

TEST(manifest_test, absurd_depth_and_size_are_refused) {
  std::string deep = "{\"x\":";
  for (int i = 0; i < 5'000; ++i) deep += "[";
  EXPECT_EQ(code_of(media_type::oci_manifest, deep), errc::invalid);
  EXPECT_EQ(code_of(media_type::oci_manifest, std::string(manifest_bytes_max + 1, ' ')), errc::too_large);
  std::string many;
  for (std::size_t i = 0; i <= manifest_references_max; ++i) many += i == 0 ? "{}" : ",{}";
  EXPECT_EQ(code_of(media_type::oci_index, index_of(many)), errc::too_large);
}

TEST(manifest_test, a_digest_nobody_can_verify_is_unsupported) {
  EXPECT_EQ(code_of(media_type::oci_manifest, "{\"layers\":[{\"digest\":\"blake3:abcdef\",\"size\":1}]}"),
            errc::unsupported);
}

TEST(manifest_test, any_mutation_of_a_manifest_is_answered_without_a_crash) {
  memory_registry r("r");
  seeded_random random(42);
  for (const digest& d : {add_oci_image(r, repo, {"a", "b"}), add_cache_index(r, repo, {"a"}),
                          add_schema1_image(r, repo, {"a", "b"}, true)}) {
    const manifest_document& m = *r.manifest_at(repo, d.text());
    for (int round = 0; round < 3'000; ++round) {
      std::string bytes = m.bytes;
      for (std::uint64_t n = 1 + random.below(4); n > 0 && !bytes.empty(); --n) {
        const std::size_t at = random.below(bytes.size());
        switch (random.below(3)) {
          case 0:
            bytes[at] = static_cast<char>(random.next());
            break;
          case 1:
            bytes.erase(at, 1 + random.below(8));
            break;
          default:
            bytes.insert(at, bytes.substr(random.below(bytes.size()), random.below(40)));
            break;
        }
      }
      const auto p = parse_manifest(m.media_type, bytes);
      if (!p) {
        EXPECT_TRUE(p.error().code == errc::invalid || p.error().code == errc::unsupported) << p.error().text;
      }
      const auto known = manifest_digest(m.media_type, bytes);
      if (!known) {
        EXPECT_EQ(known.error().code, errc::invalid);
      }
    }
  }
}

TEST(manifest_test, the_digest_of_a_manifest_is_that_of_its_bytes) {
  EXPECT_EQ(*manifest_digest(media_type::oci_manifest, "{}"), digest::of("{}"));
  EXPECT_EQ(*manifest_digest(media_type::oci_manifest, "{}", digest_algorithm::sha512),
            digest::of("{}", digest_algorithm::sha512));
}

TEST(manifest_test, the_digest_of_a_signed_schema_1_manifest_is_that_of_its_payload) {
  const std::string payload = "{\n   \"schemaVersion\": 1,\n   \"fsLayers\": []\n}";
  const std::string document = with_schema1_signature(payload);
  ASSERT_NE(document, payload);
  for (const std::string_view type : {media_type::docker_schema1_signed, std::string_view("application/json")}) {
    EXPECT_EQ(*manifest_digest(type, document), digest::of(payload));
  }
  EXPECT_EQ(*manifest_digest(media_type::docker_schema1, payload), digest::of(payload));
}

TEST(manifest_test, a_signature_that_does_not_tell_its_payload_is_invalid) {
  const auto document = [](std::string_view header) {
    return "{\"fsLayers\":[],\"signatures\":[{\"protected\":\"" + to_base64(header, true) + "\"}]}";
  };
  for (const std::string_view header :
       {"", "x", "{}", "{\"formatLength\":-1,\"formatTail\":\"\"}", "{\"formatLength\":9999,\"formatTail\":\"\"}",
        "{\"formatLength\":1,\"formatTail\":\"%\"}", "{\"formatLength\":\"1\",\"formatTail\":\"\"}"}) {
    const auto d = manifest_digest(media_type::docker_schema1_signed, document(header));
    ASSERT_FALSE(d) << header;
    EXPECT_EQ(d.error().code, errc::invalid);
  }
}

TEST(manifest_test, every_known_type_is_asked_for) {
  for (const auto type :
       {media_type::docker_schema1, media_type::docker_schema1_signed, media_type::docker_manifest,
        media_type::docker_list, media_type::oci_manifest, media_type::oci_index, media_type::oci_artifact}) {
    EXPECT_TRUE(is_manifest(type)) << type;
    EXPECT_NE(std::ranges::find(manifest_media_types(), type), manifest_media_types().end());
  }
  EXPECT_FALSE(is_manifest(media_type::octet_stream));
}

}  // namespace
}  // namespace longshore::engine
