#pragma once

// A real CNCF Distribution server (`docker-registry`), for tests: its own configuration file and storage in a
// directory, an ephemeral loopback port, stopped by its pid on destruction.
//
// start() returns when the port accepts connections. The process dies with the test program. Not for concurrent
// use of one object; any number of objects.

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/env/result.h"

namespace longshore::tests {

struct token_auth_settings {
  std::filesystem::path rootcertbundle;
  std::string issuer = "longshore-test";
  std::string service = "container_registry";
  std::string realm = "http://127.0.0.1:9/token";  // nobody is there: tokens are signed by the client
};

struct notification_settings {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string timeout = "5s";
  int threshold = 3;
  std::string backoff = "200ms";
};

struct registry_settings {
  std::filesystem::path directory;  // for configuration, log and storage; created; empty: a temporary one
  std::filesystem::path storage;    // empty: directory/storage
  std::uint16_t port = 0;           // 0: a free one
  bool delete_enabled = true;
  bool schema1 = true;
  std::optional<token_auth_settings> token;
  std::filesystem::path htpasswd;
  std::vector<notification_settings> notifications;
};

class registry_process {
 public:
  // The program is installed.
  static bool available();
  static result<std::unique_ptr<registry_process>> start(registry_settings settings);
  ~registry_process();

  std::uint16_t port() const { return port_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "http://" + address(); }
  pid_t pid() const { return pid_; }
  const std::filesystem::path& storage() const { return settings_.storage; }
  std::filesystem::path log_file() const { return settings_.directory / "registry.log"; }

  void stop();  // SIGTERM, then waits; a temporary directory stays until destruction
  void kill();  // SIGKILL, then waits
  // Starts it again on the same port and storage.
  result<void> restart();

 private:
  explicit registry_process(registry_settings settings) : settings_(std::move(settings)) {}
  result<void> launch();
  result<void> write_configuration() const;
  result<void> await_listening();
  void end(int signal);

  registry_settings settings_;
  bool temporary_ = false;
  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace longshore::tests
