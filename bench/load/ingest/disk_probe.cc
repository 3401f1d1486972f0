#include "bench/load/ingest/disk_probe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace longshore::bench {

result<percentiles> probe_disk(const std::filesystem::path& directory, std::size_t block_bytes,
                               std::chrono::milliseconds time) {
  using clock = std::chrono::steady_clock;
  const std::filesystem::path path = directory / "fdatasync-probe";
  const int fd = ::open(path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
  if (fd < 0) return fail(errc::io_failed, path.string() + ": " + std::strerror(errno));
  const std::string block(block_bytes, 'x');
  percentiles taken;
  int failed = 0;
  const auto end = clock::now() + time;
  for (auto now = clock::now(); now < end && failed == 0;) {
    if (::write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size()) || ::fdatasync(fd) != 0) {
      failed = errno;
    }
    const auto after = clock::now();
    taken.add(static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(after - now).count()));
    now = after;
  }
  ::close(fd);
  ::unlink(path.c_str());
  if (failed != 0) return fail(errc::io_failed, path.string() + ": " + std::strerror(failed));
  return taken;
}

}  // namespace longshore::bench
