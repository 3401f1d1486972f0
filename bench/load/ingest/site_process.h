#pragma once

// A primary as its users run it: `longshore serve` with a configuration and a data directory of its own, on a free
// loopback port. start() returns when it answers; the destructor ends it and waits. Dies with its starter.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "storage/env/result.h"

namespace longshore::bench {

class site_process {
 public:
  static result<std::unique_ptr<site_process>> start(const std::filesystem::path& program,
                                                     const std::filesystem::path& directory, const std::string& token);
  ~site_process();
  site_process(const site_process&) = delete;
  site_process& operator=(const site_process&) = delete;

  std::uint16_t port() const { return port_; }
  // User and system time that it has used.
  std::chrono::milliseconds cpu_time() const;

 private:
  site_process(pid_t pid, std::uint16_t port) : pid_(pid), port_(port) {}
  pid_t pid_;
  std::uint16_t port_;
};

}  // namespace longshore::bench
