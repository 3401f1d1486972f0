#include "api/local/image_reference.h"

#include <gtest/gtest.h>

namespace longshore::api {
namespace {

const std::string hex(64, 'a');
const std::string sha = "sha256:" + hex;

image_reference parsed(std::string_view text) {
  auto r = parse_image_reference(text);
  EXPECT_TRUE(r) << (r ? "" : r.error().text);
  return r ? *r : image_reference{};
}

std::string complaint(std::string_view text) {
  auto r = parse_image_reference(text);
  EXPECT_FALSE(r) << text << " was taken for " << (r ? to_text(*r) : "");
  if (!r) EXPECT_EQ(r.error().code, errc::invalid);
  return r ? std::string() : r.error().text;
}

TEST(image_reference, a_registry_with_everything) {
  const auto r = parsed("docker://registry.example.org:5000/group/app:v1.2@" + sha);
  EXPECT_EQ(r.transport, image_transport::docker);
  EXPECT_EQ(r.location, "registry.example.org:5000");
  EXPECT_EQ(r.repository, "group/app");
  EXPECT_EQ(r.tag, "v1.2");
  EXPECT_EQ(r.digest->text(), sha);
}

TEST(image_reference, tag_and_digest_may_be_absent) {
  EXPECT_EQ(parsed("docker://h/app").tag, std::nullopt);
  EXPECT_EQ(parsed("docker://h/app").digest, std::nullopt);
  EXPECT_EQ(parsed("docker://h/app@" + sha).tag, std::nullopt);
  EXPECT_EQ(parsed("docker://h/app@" + sha).repository, "app");
}

TEST(image_reference, a_bare_name_needs_a_host_that_looks_like_one) {
  EXPECT_EQ(parsed("localhost/app:v1").location, "localhost");
  EXPECT_EQ(parsed("localhost:5000/app").location, "localhost:5000");
  EXPECT_EQ(parsed("ghcr.io/a/b:c").repository, "a/b");
  EXPECT_EQ(parsed("127.0.0.1:5000/app:v1").tag, "v1");
  for (const char* text : {"alpine", "alpine:3", "library/alpine", "registry/app:v1"}) {
    EXPECT_NE(complaint(text).find("names no registry"), std::string::npos) << text;
  }
  EXPECT_EQ(parsed("docker://registry/app:v1").location, "registry");
}

TEST(image_reference, an_address_of_version_six_stands_in_brackets) {
  EXPECT_EQ(parsed("docker://[::1]:5000/app").location, "[::1]:5000");
  EXPECT_EQ(parsed("[::1]/app").location, "[::1]");
  complaint("docker://[::1/app");
  complaint("docker://[]/app");
  complaint("docker://[::1]x/app");
  complaint("docker://::1/app");
}

TEST(image_reference, ports_are_numbers_from_1_to_65535) {
  EXPECT_EQ(parsed("docker://h:65535/app").location, "h:65535");
  for (const char* text : {"docker://h:0/app", "docker://h:65536/app", "docker://h:/app", "docker://h:x/app",
                           "docker://h:1:2/app", "docker://:5000/app", "docker:///app"}) {
    complaint(text);
  }
}

TEST(image_reference, what_no_registry_takes_is_refused_with_the_part_that_is_wrong) {
  EXPECT_NE(complaint("docker://h/App").find("'App' for its repository"), std::string::npos);
  EXPECT_NE(complaint("docker://h/app:").find("for its tag"), std::string::npos);
  EXPECT_NE(complaint("docker://h/app:-x").find("'-x' for its tag"), std::string::npos);
  EXPECT_NE(complaint("docker://h/app@sha256:12").find("not a digest"), std::string::npos);
  EXPECT_NE(complaint("docker://h").find("names no registry"), std::string::npos);
  complaint("docker://h/");
  complaint("docker://h/a//b");
  complaint("docker://h/../b");
  complaint("docker://h/app@md5:abc");
  complaint("docker://h/app@" + sha + "@" + sha);
}

TEST(image_reference, credentials_are_refused_and_not_repeated) {
  const std::string text = complaint("docker://user:secret@h/app");
  EXPECT_NE(text.find("credentials"), std::string::npos);
  EXPECT_EQ(text.find("secret"), std::string::npos);
}

TEST(image_reference, a_layout_is_a_path_and_perhaps_a_tag) {
  const auto r = parsed("oci:/srv/images/app:v1");
  EXPECT_EQ(r.transport, image_transport::oci_layout);
  EXPECT_EQ(r.location, "/srv/images/app");
  EXPECT_EQ(r.repository, "");
  EXPECT_EQ(r.tag, "v1");
  EXPECT_EQ(parsed("oci:.").location, ".");
  EXPECT_EQ(parsed("oci:dir with space").tag, std::nullopt);
  EXPECT_EQ(parsed("oci:dir@home:v1").location, "dir@home");
}

TEST(image_reference, a_digest_of_a_layout_is_not_taken_for_path_and_tag) {
  const auto r = parsed("oci:dir@" + sha);
  EXPECT_EQ(r.location, "dir");
  EXPECT_EQ(r.tag, std::nullopt);
  EXPECT_EQ(r.digest->text(), sha);
  EXPECT_EQ(parsed("oci:dir:v1@" + sha).tag, "v1");
  complaint("oci:dir@sha256:12");
}

TEST(image_reference, an_archive_is_a_file_and_perhaps_a_tag) {
  const auto r = parsed("oci-archive:images/app.tar.gz:latest");
  EXPECT_EQ(r.transport, image_transport::oci_archive);
  EXPECT_EQ(r.location, "images/app.tar.gz");
  EXPECT_EQ(r.tag, "latest");
  for (const char* text : {"oci:", "oci::v1", "oci-archive:", "oci:dir:", "oci:dir:a/b", "oci:dir:host/app:v1"}) {
    complaint(text);
  }
}

TEST(image_reference, a_storage_directory_is_taken_whole_or_by_repository) {
  auto r = parsed("distribution:/var/lib/registry");
  EXPECT_EQ(r.transport, image_transport::distribution);
  EXPECT_EQ(r.location, "/var/lib/registry");
  EXPECT_EQ(r.repository, "");
  r = parsed("distribution:/var/lib/registry//group/app:v1@" + sha);
  EXPECT_EQ(r.location, "/var/lib/registry");
  EXPECT_EQ(r.repository, "group/app");
  EXPECT_EQ(r.tag, "v1");
  EXPECT_TRUE(r.digest);
  EXPECT_EQ(parsed("distribution://var//app").location, "//var");
  for (const char* text : {"distribution:", "distribution://app", "distribution:/d//", "distribution:/d//A"}) {
    complaint(text);
  }
}

TEST(image_reference, other_kinds_say_which_are_known) {
  EXPECT_NE(complaint("docker-daemon:app:v1").find("oci-archive:"), std::string::npos);
  EXPECT_NE(complaint("dir:/tmp/x").find("oci-archive:"), std::string::npos);
  EXPECT_NE(complaint("https://h/app").find("docker://"), std::string::npos);
  complaint("docker:h/app");
}

TEST(image_reference, control_characters_and_endless_texts_are_refused) {
  complaint("");
  complaint(std::string_view("oci:a\0b", 7));
  complaint("oci:a\nb");
  complaint("oci:" + std::string(10'000, 'x'));
}

TEST(image_reference, its_text_parses_to_the_same) {
  for (const std::string& text :
       {"docker://h:1/a/b:c@" + sha, std::string("oci:d:t"), "oci-archive:f@" + sha, "distribution:d//a:t@" + sha,
        std::string("localhost/a"), std::string("distribution:/d")}) {
    const auto r = parsed(text);
    EXPECT_EQ(parsed(to_text(r)), r) << text;
  }
}

}  // namespace
}  // namespace longshore::api
