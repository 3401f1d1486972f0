#include "api/jwt.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <boost/json.hpp>

#include "engine/base64.h"
#include "test_certificates.h"

namespace longshore::api {
namespace {

std::string plain(std::string_view text) { return *engine::from_base64(text, engine::base64_alphabet::url_safe); }

std::string der_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int n = i2d_PUBKEY(key, &der);
  std::string out(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
  OPENSSL_free(der);
  EVP_PKEY_free(key);
  return out;
}

EVP_PKEY* from_parameters(const char* type, OSSL_PARAM_BLD* builder) {
  auto* parameters = OSSL_PARAM_BLD_to_param(builder);
  auto* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_fromdata_init(context), 1);
  EXPECT_EQ(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  return key;
}

// RFC 7638, section 3.1.
std::string rfc_7638_key() {
  const auto n = plain(
      "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
      "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6q"
      "MQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awap"
      "JzKnqDKgw");
  auto* modulus = BN_bin2bn(reinterpret_cast<const unsigned char*>(n.data()), static_cast<int>(n.size()), nullptr);
  auto* exponent = BN_new();
  BN_set_word(exponent, 65'537);
  auto* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
  auto der = der_of(from_parameters("RSA", builder));
  BN_free(modulus);
  BN_free(exponent);
  return der;
}

// The P-256 key of Distribution's docs/spec/auth/jwt.md.
std::string jwt_md_key() {
  const auto point = "\x04" + plain("m7zUpx3b-zmVE5cymSs64POG9QcyEpJaYCD82-549_Q") +
                     plain("dU3biz8sZ_8GPB-odm8Wxz3lNDr1xcAQQPQaOcr1fmc");
  auto* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
  OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return der_of(from_parameters("EC", builder));
}

TEST(key_names, the_libtrust_fingerprints_are_those_of_the_documents) {
  EXPECT_EQ(libtrust_fingerprint(jwt_md_key()), "PYYO:TEWU:V7JH:26JV:AQTZ:LJC3:SXVJ:XGHA:34F2:2LAQ:ZRMK:Z7Q6");
  EXPECT_EQ(libtrust_fingerprint(rfc_7638_key()), "VUZD:EDHW:YWLN:RBFQ:KOA3:UVZ2:XKG5:2V2J:WTPI:6SRD:U6PZ:VCO5");
}

TEST(key_names, the_thumbprint_is_that_of_rfc_7638) {
  EXPECT_EQ(*key_thumbprint(rfc_7638_key()), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  EXPECT_EQ(key_thumbprint(jwt_md_key())->size(), 43u);
  EXPECT_FALSE(key_thumbprint("nonsense"));
}

// Verifies with the public half of the key, as a registry does.
bool verifies(const std::string& key_pem, const std::string& token) {
  const auto dot = token.rfind('.');
  auto signature = plain(std::string_view(token).substr(dot + 1));
  auto* bio = BIO_new_mem_buf(key_pem.data(), static_cast<int>(key_pem.size()));
  auto* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    EXPECT_EQ(signature.size(), 64u);
    auto* parts = ECDSA_SIG_new();
    const auto* raw = reinterpret_cast<const unsigned char*>(signature.data());
    ECDSA_SIG_set0(parts, BN_bin2bn(raw, 32, nullptr), BN_bin2bn(raw + 32, 32, nullptr));
    unsigned char* der = nullptr;
    const int n = i2d_ECDSA_SIG(parts, &der);
    signature.assign(reinterpret_cast<char*>(der), static_cast<std::size_t>(n));
    OPENSSL_free(der);
    ECDSA_SIG_free(parts);
  }
  auto* context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, key);
  const bool good = EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()),
                                     signature.size(), reinterpret_cast<const unsigned char*>(token.data()), dot) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return good;
}

boost::json::object part(const std::string& token, int n) {
  std::size_t begin = 0;
  for (; n > 0; --n) begin = token.find('.', begin) + 1;
  return boost::json::parse(plain(token.substr(begin, token.find('.', begin) - begin))).as_object();
}

constexpr timestamp noon{1'800'000'000'000'000};

TEST(pull_tokens, the_claims_are_those_that_gitlab_makes) {
  const auto pem = tests::new_private_key(tests::key_type::rsa);
  const auto key = signing_key::from_pem(pem);
  ASSERT_TRUE(key);
  const auto token = pull_token({.key = *key, .issuer = "gitlab-issuer"},
                                {"repository:group/a:pull,push", "registry:catalog:*"}, noon);
  ASSERT_TRUE(token);
  const auto header = part(*token, 0);
  EXPECT_EQ(header.at("alg"), "RS256");
  EXPECT_EQ(header.at("typ"), "JWT");
  EXPECT_EQ(header.at("kid").as_string(), (*key)->kid());
  const auto claims = part(*token, 1);
  EXPECT_EQ(claims.at("iss"), "gitlab-issuer");
  EXPECT_EQ(claims.at("aud"), "container_registry");
  EXPECT_EQ(claims.at("iat").to_number<int>(), 1'800'000'000);
  EXPECT_EQ(claims.at("nbf").to_number<int>(), 1'800'000'000 - 5);
  EXPECT_EQ(claims.at("exp").to_number<int>(), 1'800'000'000 + 300);
  EXPECT_EQ(claims.at("jti").as_string().size(), 36u);
  EXPECT_EQ(boost::json::serialize(claims.at("access")),
            R"([{"type":"repository","name":"group/a","actions":["pull"]},)"
            R"({"type":"registry","name":"catalog","actions":["*"]}])");
  EXPECT_FALSE(claims.contains("sub"));
  EXPECT_TRUE(verifies(pem, *token));
}

TEST(pull_tokens, a_p256_key_signs_es256) {
  const auto pem = tests::new_private_key(tests::key_type::p256);
  const auto key = signing_key::from_pem(pem);
  ASSERT_TRUE(key);
  const auto token = pull_token({.key = *key, .issuer = "i"}, {"repository:a:pull"}, noon);
  EXPECT_EQ(part(*token, 0).at("alg"), "ES256");
  EXPECT_TRUE(verifies(pem, *token));
  auto changed = *token;
  changed[changed.find('.') + 3] ^= 1;
  EXPECT_FALSE(verifies(pem, changed));
}

TEST(pull_tokens, scopes_that_are_none_are_left_out) {
  const auto key = signing_key::from_pem(tests::new_private_key(tests::key_type::p256));
  const auto token = pull_token({.key = *key, .issuer = "i"},
                                {"", "repository", "repository:a", "repository::pull", "other:a:b"}, noon);
  EXPECT_EQ(part(*token, 1).at("access").as_array().size(), 0u);
}

TEST(signing_keys, unusable_keys_are_refused_without_being_shown) {
  auto* weak = EVP_RSA_gen(1024);
  auto* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, weak, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio, &data);
  const std::string weak_pem(data, static_cast<std::size_t>(n));
  BIO_free(bio);
  auto* locked = BIO_new(BIO_s_mem());
  std::string password = "secret";
  PEM_write_bio_PKCS8PrivateKey(locked, weak, EVP_aes_256_cbc(), password.data(), 6, nullptr, nullptr);
  const long m = BIO_get_mem_data(locked, &data);
  const std::string locked_pem(data, static_cast<std::size_t>(m));
  BIO_free(locked);
  EVP_PKEY_free(weak);
  for (const auto& pem : {weak_pem, locked_pem, std::string(), std::string("-----BEGIN NOTHING-----")}) {
    const auto key = signing_key::from_pem(pem);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, errc::invalid);
  }
  EXPECT_EQ(signing_key::from_file("/nowhere/key.pem").error().code, errc::io_failed);
}

}  // namespace
}  // namespace longshore::api
