#include "api/signing_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <fstream>
#include <sstream>

#include "api/base64.h"
#include "storage/digest.h"

namespace longshore::api {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;
using bn_ptr = std::unique_ptr<BIGNUM, freed_by<BN_free>>;
using md_ptr = std::unique_ptr<EVP_MD_CTX, freed_by<EVP_MD_CTX_free>>;
using signature_ptr = std::unique_ptr<ECDSA_SIG, freed_by<ECDSA_SIG_free>>;

constexpr int rsa_bits_min = 2048;
constexpr std::size_t p256_bytes = 32;

std::string_view text_of(const unsigned char* bytes, std::size_t n) {
  return {reinterpret_cast<const char*>(bytes), n};
}

std::string base32(std::string_view bytes) {
  constexpr char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string out;
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : bytes) {
    held = (held << 8) | static_cast<std::uint8_t>(c);
    for (bits += 8; bits >= 5; bits -= 5) out.push_back(alphabet[(held >> (bits - 5)) & 31]);
    held &= 0xff;
  }
  return out;
}

// A number of the key, big-endian, left-padded to `width` when that is not 0.
result<std::string> number_of(const EVP_PKEY* key, const char* name, std::size_t width) {
  BIGNUM* raw = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &raw) != 1) return fail(errc::invalid, "the key lacks a part");
  const bn_ptr n(raw);
  const auto size = std::max(width, static_cast<std::size_t>(BN_num_bytes(n.get())));
  std::string out(size, '\0');
  if (BN_bn2binpad(n.get(), reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(size)) < 0) {
    return fail(errc::invalid, "the key has a part of impossible size");
  }
  return out;
}

bool is_p256(const EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t n = 0;
  return EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &n) == 1 &&
         std::string_view(group.data(), n) == SN_X9_62_prime256v1;
}

int no_password(char*, int, int, void*) { return 0; }

}  // namespace

struct signing_key::state {
  key_ptr key;
};

signing_key::signing_key() : state_(std::make_unique<state>()) {}
signing_key::~signing_key() = default;

std::string libtrust_fingerprint(std::string_view spki_der) {
  const auto hash = sha256(spki_der);
  const auto encoded = base32(text_of(hash.data(), 30));
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); i += 4) {
    if (i > 0) out.push_back(':');
    out.append(encoded, i, 4);
  }
  return out;
}

result<std::string> key_thumbprint(std::string_view spki_der) {
  auto at = reinterpret_cast<const unsigned char*>(spki_der.data());
  const key_ptr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())));
  if (!key) return fail(errc::invalid, "not a public key in X.509 form");
  std::string canonical;
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    auto e = number_of(key.get(), OSSL_PKEY_PARAM_RSA_E, 0);
    if (!e) return e;
    auto n = number_of(key.get(), OSSL_PKEY_PARAM_RSA_N, 0);
    if (!n) return n;
    canonical = R"({"e":")" + to_base64url(*e) + R"(","kty":"RSA","n":")" + to_base64url(*n) + R"("})";
  } else if (is_p256(key.get())) {
    auto x = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_X, p256_bytes);
    if (!x) return x;
    auto y = number_of(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y, p256_bytes);
    if (!y) return y;
    canonical = R"({"crv":"P-256","kty":"EC","x":")" + to_base64url(*x) + R"(","y":")" + to_base64url(*y) + R"("})";
  } else {
    return fail(errc::invalid, "only RSA and P-256 keys have a thumbprint here");
  }
  const auto hash = sha256(canonical);
  return to_base64url(text_of(hash.data(), hash.size()));
}

result<std::shared_ptr<const signing_key>> signing_key::from_pem(std::string_view pem) {
  const bio_ptr in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::shared_ptr<signing_key> out(new signing_key());
  auto& key = out->state_->key;
  if (in) key.reset(PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, nullptr));
  if (!key) {
    return fail(errc::invalid,
                "the shared key is not an unencrypted PEM private key; give the registry's signing key (GitLab: "
                "registry.key), without a password");
  }
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1 && EVP_PKEY_get_bits(key.get()) >= rsa_bits_min) {
    out->algorithm_ = "RS256";
  } else if (is_p256(key.get())) {
    out->algorithm_ = "ES256";
  } else {
    return fail(errc::invalid, "the shared key must be RSA of at least 2048 bits, or P-256");
  }
  unsigned char* der = nullptr;
  const int n = i2d_PUBKEY(key.get(), &der);
  if (n <= 0) return fail(errc::invalid, "the shared key has no usable public part");
  const std::string spki(text_of(der, static_cast<std::size_t>(n)));
  OPENSSL_free(der);
  out->kid_ = libtrust_fingerprint(spki);
  auto thumbprint = key_thumbprint(spki);
  if (!thumbprint) return pass(std::move(thumbprint));
  out->thumbprint_ = std::move(*thumbprint);
  return std::shared_ptr<const signing_key>(std::move(out));
}

result<std::shared_ptr<const signing_key>> signing_key::from_file(const std::string& path) {
  constexpr std::size_t pem_bytes_max = 64 * 1024;
  std::ifstream in(path, std::ios::binary);
  std::string pem(pem_bytes_max, '\0');
  in.read(pem.data(), static_cast<std::streamsize>(pem.size()));
  if (in.bad() || in.gcount() == 0) {
    return fail(errc::io_failed, path + " cannot be read; check the path of the shared key and its permissions");
  }
  pem.resize(static_cast<std::size_t>(in.gcount()));
  auto key = from_pem(pem);
  OPENSSL_cleanse(pem.data(), pem.size());
  if (!key) return pass(std::move(key), path);
  return key;
}

result<std::string> signing_key::sign(std::string_view bytes) const {
  const md_ptr context(EVP_MD_CTX_new());
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  std::size_t n = 0;
  std::string out;
  const bool done =
      context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, state_->key.get()) == 1 &&
      EVP_DigestSign(context.get(), nullptr, &n, data, bytes.size()) == 1 && (out.resize(n), true) &&
      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &n, data, bytes.size()) == 1;
  if (!done) return fail(errc::io_failed, "a token could not be signed with key " + kid_);
  out.resize(n);
  if (algorithm_ == "RS256") return out;
  // RFC 7518 3.4: r and s side by side, not OpenSSL's DER.
  auto at = reinterpret_cast<const unsigned char*>(out.data());
  const signature_ptr parts(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(out.size())));
  std::array<unsigned char, 2 * p256_bytes> flat{};
  if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts.get()), flat.data(), p256_bytes) < 0 ||
      BN_bn2binpad(ECDSA_SIG_get0_s(parts.get()), flat.data() + p256_bytes, p256_bytes) < 0) {
    return fail(errc::io_failed, "a token could not be signed with key " + kid_);
  }
  return std::string(text_of(flat.data(), flat.size()));
}

}  // namespace longshore::api
