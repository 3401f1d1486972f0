#pragma once

// Runs a Docker credential helper: `docker-credential-<name> get`, server address on its input, JSON on its output
// (docker/cli docs/reference/commandline/login.md, "Credential helper protocol").
//
// Without a shell, found through PATH, in a process group of its own, which is killed when the time is up. The
// caller's executor is never blocked. None: the helper knows no such server. Fails with unauthorized (it failed,
// its words are in the text; its answer is too long; or its name has other than letters, digits, '-', '_', '.'), or
// timed_out.

#include <boost/asio/any_io_executor.hpp>
#include <chrono>

#include "api/credential.h"

namespace longshore::api {

engine::task<std::optional<credential>> ask_credential_helper(boost::asio::any_io_executor executor, std::string name,
                                                              std::string server, std::chrono::milliseconds limit);

}  // namespace longshore::api
