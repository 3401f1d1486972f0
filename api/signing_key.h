#pragma once

// A private key that signs tokens (RS256 with RSA, ES256 with P-256; RFC 7518), and the names of public keys.
//
// Immutable after load; sign() may be called from any thread. Refused (errc::invalid): encrypted PEM, RSA below
// 2048 bits, other key types. The key itself is never shown.
// Names: libtrust's fingerprint is what Distribution v2 and GitLab call a key; RFC 7638's thumbprint, what
// Distribution v3 does. Both from the X.509 SubjectPublicKeyInfo.

#include <memory>
#include <string>
#include <string_view>

#include "storage/env/result.h"

namespace longshore::api {

class signing_key {
 public:
  static result<std::shared_ptr<const signing_key>> from_pem(std::string_view pem);
  static result<std::shared_ptr<const signing_key>> from_file(const std::string& path);
  ~signing_key();

  const std::string& algorithm() const { return algorithm_; }  // "RS256" or "ES256"
  const std::string& kid() const { return kid_; }              // libtrust fingerprint
  const std::string& thumbprint() const { return thumbprint_; }
  // The JSON Web Signature of the bytes (RFC 7515), not yet base64.
  result<std::string> sign(std::string_view bytes) const;

 private:
  signing_key();
  struct state;
  std::unique_ptr<state> state_;
  std::string algorithm_, kid_, thumbprint_;
};

// Of a DER SubjectPublicKeyInfo.
std::string libtrust_fingerprint(std::string_view spki_der);
// RFC 7638 with SHA-256, base64url; RSA and P-256 keys only (errc::invalid).
result<std::string> key_thumbprint(std::string_view spki_der);

}  // namespace longshore::api
