#include "storage/digest.h"

#include <openssl/evp.h>

#include "storage/env/ensure.h"

namespace longshore {
namespace {

constexpr std::string_view sha256_prefix = "sha256:";
constexpr std::string_view sha512_prefix = "sha512:";

bool is_lower_hex(std::string_view text, std::size_t size) {
  if (text.size() != size) return false;
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

}  // namespace

result<digest> digest::parse(std::string_view text) {
  const bool known = (text.starts_with(sha256_prefix) && is_lower_hex(text.substr(7), 64)) ||
                     (text.starts_with(sha512_prefix) && is_lower_hex(text.substr(7), 128));
  if (!known) {
    return fail(errc::invalid,
                "'" + std::string(text.substr(0, 160)) +
                    "' is not a digest: expected sha256: and 64, or sha512: and 128 lower-case hex digits");
  }
  return digest(std::string(text));
}

digest digest::of(std::string_view bytes, digest_algorithm algorithm) {
  digest_hasher hasher(algorithm);
  hasher.update(bytes);
  return hasher.finish();
}

std::string_view digest::hex() const { return std::string_view(text_).substr(7); }

digest_algorithm digest::algorithm() const {
  return text_.starts_with(sha256_prefix) ? digest_algorithm::sha256 : digest_algorithm::sha512;
}

struct digest_hasher::state {
  digest_algorithm algorithm;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~state() { EVP_MD_CTX_free(context); }
};

digest_hasher::digest_hasher(digest_algorithm algorithm) : state_(new state{algorithm}) {
  const EVP_MD* kind = algorithm == digest_algorithm::sha256 ? EVP_sha256() : EVP_sha512();
  ensure(state_->context != nullptr && EVP_DigestInit_ex(state_->context, kind, nullptr) == 1,
         "a digest could not be started");
}
digest_hasher::digest_hasher() = default;
digest_hasher::~digest_hasher() = default;
digest_hasher::digest_hasher(digest_hasher&&) noexcept = default;
digest_hasher& digest_hasher::operator=(digest_hasher&&) noexcept = default;

void digest_hasher::update(std::span<const std::byte> bytes) {
  ensure(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "a digest could not be updated");
}
void digest_hasher::update(std::string_view bytes) { update(std::as_bytes(std::span(bytes))); }

digest digest_hasher::finish() {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  ensure(EVP_DigestFinal_ex(state_->context, raw.data(), &size) == 1, "a digest could not be finished");
  const auto prefix = state_->algorithm == digest_algorithm::sha256 ? sha256_prefix : sha512_prefix;
  return digest(std::string(prefix) + to_hex(std::span(raw).first(size)));
}

digest_hasher digest_hasher::copy() const {
  digest_hasher other;
  other.state_.reset(new state{state_->algorithm});
  ensure(other.state_->context != nullptr && EVP_MD_CTX_copy_ex(other.state_->context, state_->context) == 1,
         "a digest could not be copied");
  return other;
}

hash256 sha256(std::string_view a, std::string_view b, std::string_view c) {
  // One context per thread: setting one up costs more than hashing a node.
  struct context_owner {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_MD* kind = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    ~context_owner() {
      EVP_MD_CTX_free(context);
      EVP_MD_free(kind);
    }
  };
  thread_local context_owner owner;
  hash256 out{};
  const bool done = EVP_DigestInit_ex(owner.context, owner.kind, nullptr) == 1 &&
                    EVP_DigestUpdate(owner.context, a.data(), a.size()) == 1 &&
                    EVP_DigestUpdate(owner.context, b.data(), b.size()) == 1 &&
                    EVP_DigestUpdate(owner.context, c.data(), c.size()) == 1 &&
                    EVP_DigestFinal_ex(owner.context, out.data(), nullptr) == 1;
  ensure(done, "SHA-256 is not available");
  return out;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4]);
    text.push_back(digits[byte & 15]);
  }
  return text;
}

}  // namespace longshore
