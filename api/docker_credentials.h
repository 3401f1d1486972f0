#pragma once

// Credentials from Docker's config.json and containers' auth.json (docker/cli login.md; containers-auth.json.5).
//
// Files are looked at in order, the first that has an answer counts; a file that does not exist is passed over.
// They are read anew for each question, so that a rotated secret is found. Within a file: credHelpers[host], then
// credsStore, then auths; in auths the most specific key wins ("host/group/name" before "host"), and Docker Hub
// goes by https://index.docker.io/v1/ too. A file that is not valid, or over 1 MiB, is
// errc::unauthorized, naming it: it is no fault of what was asked for, and read anew when asked again.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <vector>

#include "api/credential.h"

namespace longshore::api {

class docker_credentials {
 public:
  docker_credentials(boost::asio::any_io_executor executor, std::vector<std::filesystem::path> files,
                     std::chrono::milliseconds helper_limit = std::chrono::seconds(20));

  // host as in the registry's address, with its port if it has one.
  engine::task<std::optional<credential>> find(std::string host, std::string repository);

 private:
  boost::asio::any_io_executor executor_;
  std::vector<std::filesystem::path> files_;
  std::chrono::milliseconds helper_limit_;
};

// Where the tools look, given an environment (name -> value or null): $REGISTRY_AUTH_FILE,
// $XDG_RUNTIME_DIR/containers/auth.json, $XDG_CONFIG_HOME/containers/auth.json, $DOCKER_CONFIG/config.json, else
// $HOME/.docker/config.json.
std::vector<std::filesystem::path> docker_credential_files(const std::function<const char*(const char*)>& environment);

// What one file says, without running anything.
struct docker_answer {
  std::optional<credential> found;
  std::string helper;  // to be asked for `server`; empty: none
  std::string server;
};
result<docker_answer> look_up(std::string_view config_json, const std::string& host, const std::string& repository);

}  // namespace longshore::api
