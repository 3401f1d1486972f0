#include "test_certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <fstream>
#include <memory>
#include <stdexcept>

namespace longshore::tests {
namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using x509_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using bio_ptr = std::unique_ptr<BIO, freed_by<BIO_free_all>>;

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL: ") + what);
}

std::string contents(const bio_ptr& bio) {
  char* data = nullptr;
  const long n = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(n)};
}

std::string pem_of(EVP_PKEY* key) {
  const bio_ptr out(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1, "write key");
  return contents(out);
}

std::string pem_of(X509* certificate) {
  const bio_ptr out(BIO_new(BIO_s_mem()));
  must(PEM_write_bio_X509(out.get(), certificate) == 1, "write certificate");
  return contents(out);
}

bio_ptr memory(const std::string& text) { return bio_ptr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

key_ptr generate(key_type type) {
  key_ptr key(type == key_type::rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  must(key != nullptr, "generate key");
  return key;
}

x509_ptr blank(EVP_PKEY* key, const std::string& common_name, long serial) {
  x509_ptr c(X509_new());
  X509_set_version(c.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(c.get()), serial);
  X509_gmtime_adj(X509_getm_notBefore(c.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(c.get()), 24 * 3600);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(c.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0);
  must(X509_set_pubkey(c.get(), key) == 1, "set public key");
  return c;
}

void extend(X509* c, int nid, const std::string& value) {
  auto* e = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
  must(e != nullptr && X509_add_ext(c, e, -1) == 1, "extension");
  X509_EXTENSION_free(e);
}

}  // namespace

std::string new_private_key(key_type type) { return pem_of(generate(type).get()); }

key_and_certificate self_signed(const std::string& common_name, key_type type) {
  const auto key = generate(type);
  const auto c = blank(key.get(), common_name, 1);
  X509_set_issuer_name(c.get(), X509_get_subject_name(c.get()));
  extend(c.get(), NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(c.get(), key.get(), EVP_sha256()) > 0, "sign");
  return {pem_of(key.get()), pem_of(c.get())};
}

key_and_certificate issued_by(const key_and_certificate& authority, const std::string& subject_alt_name) {
  const key_ptr signer(PEM_read_bio_PrivateKey(memory(authority.key_pem).get(), nullptr, nullptr, nullptr));
  const x509_ptr issuer(PEM_read_bio_X509(memory(authority.certificate_pem).get(), nullptr, nullptr, nullptr));
  must(signer && issuer, "read authority");
  const auto key = generate(key_type::p256);
  const auto c = blank(key.get(), "server", 2);
  X509_set_issuer_name(c.get(), X509_get_subject_name(issuer.get()));
  extend(c.get(), NID_subject_alt_name, subject_alt_name);
  must(X509_sign(c.get(), signer.get(), EVP_sha256()) > 0, "sign");
  return {pem_of(key.get()), pem_of(c.get())};
}

temporary_directory::temporary_directory() {
  auto pattern = (std::filesystem::temp_directory_path() / "longshore-test-XXXXXX").string();
  must(::mkdtemp(pattern.data()) != nullptr, "mkdtemp");
  path_ = pattern;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;  // a left-over in the temporary directory harms nobody
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path temporary_directory::write(const std::string& name, const std::string& text,
                                                 bool executable) const {
  const auto file = path_ / name;
  std::ofstream(file) << text;
  if (executable) std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  return file;
}

}  // namespace longshore::tests
