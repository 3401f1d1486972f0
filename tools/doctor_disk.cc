// The data directory: there, writable, with space, and how long its disk takes to make a write durable.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <expected>

#include "tools/doctor.h"

namespace longshore::tools {

namespace {

constexpr std::size_t probes = 32;
constexpr std::int64_t slow_us = 20'000;

struct disk_failure {
  int code = 0;
  std::string text;
};

std::string remedy_of(int code, const std::filesystem::path& dir) {
  if (code == ENOSPC) return "the file system of " + dir.string() + " is full: free some space there";
  if (code == EDQUOT) return "the disk quota is used up: raise it, or free some space in " + dir.string();
  if (code == EROFS) {
    return "the file system of " + dir.string() +
           " is mounted read-only: mount it for writing (mount -o remount,rw), and look at the kernel's messages for "
           "why it is not";
  }
  if (code == EACCES || code == EPERM) {
    return "run this as the user that longshore runs as, and let that user write there";
  }
  return "look at the disk, and at the kernel's messages";
}

// Microseconds per synced 4 KiB write, sorted.
std::expected<std::array<std::int64_t, probes>, disk_failure> measure(const std::filesystem::path& probe) {
  const int fd = ::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const auto os_failure = [&](const char* what) {
    const int code = errno;
    return std::unexpected(disk_failure{code, std::string(what) + " " + probe.string() + ": " + std::strerror(code)});
  };
  if (fd < 0) return os_failure("creating");
  ::unlink(probe.c_str());  // gone with the descriptor, whatever happens
  std::array<std::int64_t, probes> took{};
  const std::array<char, 4'096> bytes{};
  for (std::int64_t& one : took) {
    const auto begin = std::chrono::steady_clock::now();
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written >= 0 && written < static_cast<ssize_t>(bytes.size())) errno = ENOSPC;
    if (written != static_cast<ssize_t>(bytes.size()) || ::fdatasync(fd) != 0) {
      auto failure = os_failure("syncing");
      ::close(fd);
      return failure;
    }
    one = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - begin).count();
  }
  ::close(fd);
  std::ranges::sort(took);
  return took;
}

std::string mib(std::uint64_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

void check_privacy(const std::filesystem::path& dir, const on_checked& told) {
  struct stat about = {};
  if (::stat(dir.c_str(), &about) != 0 || (about.st_mode & (S_IRWXG | S_IRWXO)) == 0) return;
  told({"data directory", verdict::attention, dir.string() + " is open to other users of this machine",
        "it has people's names, addresses and upload sessions in it: chmod 700 " + dir.string()});
}

void check_space(const std::filesystem::path& dir, std::uint64_t wanted, const on_checked& told) {
  struct statvfs fs = {};
  if (::statvfs(dir.c_str(), &fs) != 0) {
    told({"free space", verdict::bad, std::string("cannot be asked for: ") + std::strerror(errno),
          "look at the file system of " + dir.string()});
    return;
  }
  const std::uint64_t free = static_cast<std::uint64_t>(fs.f_bavail) * fs.f_frsize;
  const std::string text = mib(free) + " free, new events are refused below " + mib(wanted);
  if (free < wanted)
    told({"free space", verdict::bad, text, "free some space in " + dir.string()});
  else if (free < 4 * wanted)
    told({"free space", verdict::attention, text, "it will not last: make more space"});
  else
    told({"free space", verdict::good, text, ""});
}

}  // namespace

void check_data_dir(const config& c, const on_checked& told) {
  std::filesystem::path dir = c.site.data_dir;
  std::error_code ec;
  if (!std::filesystem::exists(dir, ec)) {
    const std::filesystem::path parent = std::filesystem::absolute(dir, ec).parent_path();
    const bool may = ::access(parent.c_str(), W_OK | X_OK) == 0;
    told({"data directory", may ? verdict::attention : verdict::bad, dir.string() + " does not exist yet",
          may ? "longshore serve will create it"
              : "create it (install -d -m 700 " + dir.string() + "), or make " + parent.string() + " writable"});
    return;
  }
  if (!std::filesystem::is_directory(dir, ec)) {
    told({"data directory", verdict::bad, dir.string() + " is not a directory", "set [site] data_dir"});
    return;
  }
  const auto took = measure(dir / (".doctor-probe-" + std::to_string(::getpid())));
  if (!took) {
    told({"data directory", verdict::bad, took.error().text, remedy_of(took.error().code, dir)});
    return check_space(dir, c.log.space_min, told);
  }
  const std::int64_t median = (*took)[probes / 2];
  const std::string text = dir.string() + " is writable; a synced write takes " + std::to_string(median) +
                           " us (p50), " + std::to_string(took->back()) + " us (worst of " + std::to_string(probes) +
                           ")";
  if (median > slow_us) {
    told({"data directory", verdict::attention, text,
          "registries give up on a notification after a second: a disk with a battery-backed or flash write cache "
          "acknowledges sooner"});
  } else {
    told({"data directory", verdict::good, text, ""});
  }
  check_privacy(dir, told);
  check_space(dir, c.log.space_min, told);
}

}  // namespace longshore::tools
