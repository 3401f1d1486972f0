#include "storage/data_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace longshore::storage {
namespace {

// Its owner's alone: events name people and addresses, and uploads under way have their registry's session keys.
constexpr mode_t private_mode = 0700;

constexpr std::string_view version_text = "longshore 1\n";
constexpr const char* made_name = "db.made";

std::unexpected<error> failed(const std::string& doing, int number) {
  const errc code = number == ENOSPC || number == EDQUOT ? errc::no_space : errc::io_failed;
  return fail(code, doing + ": " + std::strerror(number));
}

result<void> sync_path(const std::filesystem::path& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return failed("opening " + path.string(), errno);
  const int outcome = ::fsync(fd);
  const int number = errno;
  ::close(fd);
  if (outcome != 0) return failed("syncing " + path.string(), number);
  return {};
}

// Under its name the file is always whole and durable: written aside, synced, renamed, and the rename synced.
result<void> write_whole(const std::filesystem::path& file, std::string_view text) {
  const auto dir = file.parent_path();
  const auto aside = std::filesystem::path(file.string() + ".new");
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return failed("creating " + aside.string(), errno);
  const auto written = ::write(fd, text.data(), text.size());
  const int number = errno;
  ::close(fd);
  if (written != static_cast<ssize_t>(text.size())) return failed("writing " + aside.string(), number);
  if (auto synced = sync_path(aside, O_RDONLY); !synced) return synced;
  if (::rename(aside.c_str(), file.c_str()) != 0) return failed("renaming " + aside.string(), errno);
  return sync_path(dir, O_RDONLY | O_DIRECTORY);
}

// Whether the directory holds nothing but what a set-up that was cut short left, or a fresh mount.
result<bool> is_free(const std::filesystem::path& dir) {
  std::error_code ec;
  for (std::filesystem::directory_iterator at(dir, ec), end; !ec && at != end; at.increment(ec)) {
    const std::string name = at->path().filename().string();
    if (name != "LOCK" && name != "VERSION.new" && name != "lost+found") return false;
  }
  if (ec) return failed("listing " + dir.string(), ec.value());
  return true;
}

result<void> check_free(const std::filesystem::path& dir) {
  const auto free = is_free(dir);
  if (!free) return std::unexpected(free.error());
  if (*free) return {};
  return fail(errc::invalid, dir.string() +
                                 " has other files in it and no VERSION file; name an empty directory, or one "
                                 "that does not exist yet");
}

result<void> set_up(const std::filesystem::path& dir) {
  if (auto free = check_free(dir); !free) return free;
  return write_whole(dir / "VERSION", version_text);
}

// A directory entry is durable only when the directory it is in was synced too.
result<void> make_directory(const std::filesystem::path& dir, mode_t mode) {
  std::error_code ec;
  const auto whole = std::filesystem::absolute(dir, ec).lexically_normal();
  if (ec) return failed("creating " + dir.string(), ec.value());
  const auto level = whole.has_filename() ? whole : whole.parent_path();
  if (std::filesystem::exists(level, ec)) return {};
  if (level.has_parent_path() && level.parent_path() != level) {
    if (auto above = make_directory(level.parent_path(), 0755); !above) return above;
  }
  if (::mkdir(level.c_str(), mode) != 0 && errno != EEXIST) return failed("creating " + dir.string(), errno);
  return sync_path(level.parent_path(), O_RDONLY | O_DIRECTORY);
}

result<void> check_version(const std::filesystem::path& dir, bool create) {
  const auto path = dir / "VERSION";
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    if (create) return set_up(dir);
    return fail(errc::not_found, dir.string() + " holds no Longshore site: there is no VERSION file in it");
  }
  std::string text(64, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text != version_text) {
    return fail(errc::unsupported, path.string() + " says '" + text.substr(0, text.find('\n')) +
                                       "'; this Longshore reads 'longshore 1'. Use the version that wrote it");
  }
  return {};
}

// Made anew, it would take and acknowledge events that are lost when the old one comes back.
result<void> expect_database(const std::filesystem::path& dir) {
  std::error_code ec;
  if (!std::filesystem::exists(dir / made_name, ec) || std::filesystem::exists(dir / "db" / "CURRENT", ec)) return {};
  if (ec) return failed("looking for the database of " + dir.string(), ec.value());
  return fail(errc::corrupt, dir.string() +
                                 " is a site's, and there is no database in its db/: if db/ is a file system of its "
                                 "own, mount it; else restore the directory from a copy of it, or begin anew with an "
                                 "empty one");
}

}  // namespace

result<data_dir> data_dir::open(const std::filesystem::path& path, bool create) {
  std::error_code ec;
  if (create) {
    if (auto made = make_directory(path, private_mode); !made) return pass(std::move(made));
  }
  if (!std::filesystem::is_directory(path, ec)) {
    return fail(errc::not_found, path.string() + " is not a directory; name a site's data directory");
  }
  const auto lock = path / "LOCK";
  // Somebody else's directory is left as it is.
  if (create && !std::filesystem::exists(lock, ec) && !std::filesystem::exists(path / "VERSION", ec)) {
    if (auto free = check_free(path); !free) return pass(std::move(free));
  }
  int fd = ::open(lock.c_str(), (create ? O_RDWR | O_CREAT : O_RDWR) | O_CLOEXEC, 0644);
  if (fd < 0 && errno == EROFS && create) {
    return fail(errc::io_failed,
                path.string() + " is on a file system that is mounted read-only: mount it for writing");
  }
  if (fd < 0 && (errno == EACCES || errno == EROFS)) fd = ::open(lock.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) {
    return fail(errc::not_found, path.string() + " holds no Longshore site: there is no LOCK file in it");
  }
  if (fd < 0) return failed("opening " + lock.string(), errno);
  data_dir dir(path, fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return failed("locking " + lock.string(), errno);
    std::ifstream holder(lock);
    std::string pid;
    std::getline(holder, pid);
    return fail(errc::busy, path.string() + " is in use by process " + (pid.empty() ? "(unknown)" : pid) +
                                "; stop that Longshore first, or work on a copy");
  }
  if (auto sound = check_version(path, create); !sound) return pass(std::move(sound));
  if (auto there = expect_database(path); !there) return pass(std::move(there));
  if (create) {
    if (auto made = make_directory(dir.database_path(), private_mode); !made) return pass(std::move(made));
    // For people: who holds it. The lock itself is what counts.
    const std::string pid = std::to_string(::getpid()) + "\n";
    if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
      return failed("writing " + lock.string(), errno);
    }
  }
  return dir;
}

data_dir::data_dir(std::filesystem::path path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
data_dir::~data_dir() {
  if (lock_fd_ >= 0) ::close(lock_fd_);
}
data_dir::data_dir(data_dir&& other) noexcept
    : path_(std::move(other.path_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}
data_dir& data_dir::operator=(data_dir&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(lock_fd_, other.lock_fd_);
  return *this;
}

std::filesystem::path data_dir::database_path() const { return path_ / "db"; }

result<void> data_dir::note_database() const {
  std::error_code ec;
  if (std::filesystem::exists(path_ / made_name, ec)) return {};
  return write_whole(path_ / made_name, version_text);
}

result<void> data_dir::check_space(std::uint64_t bytes_min) const {
  struct statvfs s{};
  if (::statvfs(database_path().c_str(), &s) != 0)
    return failed("asking the free space of " + database_path().string(), errno);
  const std::uint64_t free = std::uint64_t{s.f_bavail} * s.f_frsize;
  if (free >= bytes_min) return {};
  return fail(errc::no_space, database_path().string() + " has " + std::to_string(free >> 20) +
                                  " MiB free, below the " + std::to_string(bytes_min >> 20) +
                                  " MiB kept in reserve; free some space");
}

}  // namespace longshore::storage
