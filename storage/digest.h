#pragma once

// A content address as the OCI image specification defines it: "algorithm:encoded".
//
// Holds sha256 and sha512 only; both are verified end to end. A digest value is always well-formed: parse() is
// the only way from text. Formats: OCI image-spec descriptor.md, "Digests".

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore {

enum class digest_algorithm : std::uint8_t { sha256, sha512 };

class digest {
 public:
  // errc::invalid unless text is "sha256:" + 64 or "sha512:" + 128 lower-case hex digits.
  static result<digest> parse(std::string_view text);
  // The digest of bytes in memory.
  static digest of(std::string_view bytes, digest_algorithm algorithm = digest_algorithm::sha256);

  const std::string& text() const { return text_; }
  std::string_view hex() const;
  digest_algorithm algorithm() const;
  auto operator<=>(const digest&) const = default;

 private:
  explicit digest(std::string text) : text_(std::move(text)) {}
  friend class digest_hasher;
  std::string text_;
};

// Hashes a stream. update() any number of times, then finish() once. One owner at a time.
class digest_hasher {
 public:
  explicit digest_hasher(digest_algorithm algorithm);
  ~digest_hasher();
  digest_hasher(digest_hasher&&) noexcept;
  digest_hasher& operator=(digest_hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view bytes);
  digest finish();
  // Another one that has hashed the same so far.
  digest_hasher copy() const;

 private:
  digest_hasher();
  struct state;
  std::unique_ptr<state> state_;
};

// SHA-256 over the concatenation of up to three pieces; the Merkle tree's work horse. 32 bytes.
using hash256 = std::array<std::uint8_t, 32>;
hash256 sha256(std::string_view a, std::string_view b = {}, std::string_view c = {});
std::string to_hex(std::span<const std::uint8_t> bytes);

}  // namespace longshore

template <>
struct std::hash<longshore::digest> {
  std::size_t operator()(const longshore::digest& d) const noexcept { return std::hash<std::string>{}(d.text()); }
};
