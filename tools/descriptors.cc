#include "tools/descriptors.h"

#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "storage/database.h"

namespace longshore::tools {

namespace {

// Connections to registries and to the primary, the log file, pipes to credential helpers, and some to spare.
constexpr std::size_t others_max = 256;

}  // namespace

std::size_t descriptors_needed(std::size_t connections_max) {
  return connections_max + storage::open_files_max + others_max;
}

result<void> secure_descriptors(std::size_t connections_max) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return fail(errc::io_failed, std::string("asking for the limit of open files: ") + std::strerror(errno));
  }
  const std::size_t needed = descriptors_needed(connections_max);
  if (limit.rlim_cur >= needed) return {};
  if (limit.rlim_max < needed) {
    return fail(errc::invalid, "this process may open " + std::to_string(limit.rlim_max) + " files, and needs " +
                                   std::to_string(needed) +
                                   " with listen.connections_max = " + std::to_string(connections_max) +
                                   ": raise the hard limit (LimitNOFILE= of the systemd unit, ulimit -Hn, "
                                   "--ulimit nofile= of a container) or lower listen.connections_max");
  }
  limit.rlim_cur = std::clamp<rlim_t>(needed, limit.rlim_cur, limit.rlim_max);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return fail(errc::io_failed, std::string("raising the limit of open files: ") + std::strerror(errno));
  }
  return {};
}

}  // namespace longshore::tools
