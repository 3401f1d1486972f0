#include "storage/digest.h"

#include <gtest/gtest.h>

#include <string>

namespace longshore {
namespace {

// FIPS 180-4 examples.
constexpr std::string_view sha256_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr std::string_view sha512_of_abc =
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(digest, known_answers) {
  EXPECT_EQ(digest::of("abc").text(), "sha256:" + std::string(sha256_of_abc));
  EXPECT_EQ(digest::of("abc", digest_algorithm::sha512).text(), "sha512:" + std::string(sha512_of_abc));
  EXPECT_EQ(to_hex(sha256("abc")), sha256_of_abc);
  EXPECT_EQ(to_hex(sha256("a", "b", "c")), sha256_of_abc);
  EXPECT_EQ(to_hex(sha256("", "", "abc")), sha256_of_abc);
  EXPECT_EQ(to_hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(digest, a_stream_in_any_pieces_has_the_digest_of_the_whole) {
  const std::string bytes(100'000, 'x');
  for (const std::size_t piece : {1u, 7u, 4'096u, 100'000u}) {
    digest_hasher hasher(digest_algorithm::sha512);
    for (std::size_t at = 0; at < bytes.size(); at += piece) hasher.update(std::string_view(bytes).substr(at, piece));
    EXPECT_EQ(hasher.finish(), digest::of(bytes, digest_algorithm::sha512));
  }
}

TEST(digest, parsing_keeps_the_text_and_knows_its_parts) {
  const std::string text = "sha512:" + std::string(sha512_of_abc);
  const auto d = digest::parse(text);
  ASSERT_TRUE(d);
  EXPECT_EQ(d->text(), text);
  EXPECT_EQ(d->hex(), sha512_of_abc);
  EXPECT_EQ(d->algorithm(), digest_algorithm::sha512);
}

TEST(digest, anything_but_the_exact_form_is_refused) {
  const std::string hex(sha256_of_abc);
  std::string upper = hex;
  upper[0] = 'B';
  for (const std::string& text : std::initializer_list<std::string>{
           "", hex, "sha256:", "sha256:" + hex.substr(1), "sha256:" + hex + "0", "sha256:" + upper, "sha512:" + hex,
           "SHA256:" + hex, "md5:" + hex.substr(32), "sha256:" + hex.substr(1) + "g",
           "sha256:" + std::string("..", 2) + hex.substr(2), "sha256-" + hex}) {
    const auto d = digest::parse(text);
    ASSERT_FALSE(d) << text;
    EXPECT_EQ(d.error().code, errc::invalid);
  }
}

}  // namespace
}  // namespace longshore
