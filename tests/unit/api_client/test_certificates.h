#pragma once

// Keys and X.509 certificates made for a test.

#include <filesystem>
#include <string>

namespace longshore::tests {

struct key_and_certificate {
  std::string key_pem;
  std::string certificate_pem;
};

enum class key_type { rsa, p256 };
std::string new_private_key(key_type type);
// Signed by its own key; an authority.
key_and_certificate self_signed(const std::string& common_name, key_type type);
// For a server; subject_alt_name in OpenSSL's notation, as "DNS:example.test" or "IP:127.0.0.1".
key_and_certificate issued_by(const key_and_certificate& authority, const std::string& subject_alt_name);

// A directory that is removed with its contents.
class temporary_directory {
 public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& text, bool executable = false) const;

 private:
  std::filesystem::path path_;
};

}  // namespace longshore::tests
