#include "api/local/file_calls.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace longshore::api {
namespace {

constexpr int again_max = 100;  // EINTR, EAGAIN of openat2 when a rename runs beside it

template <class Call>
auto repeated(Call call) {
  auto outcome = call();
  for (int i = 0; outcome < 0 && (errno == EINTR || errno == EAGAIN) && i < again_max; ++i) outcome = call();
  return outcome < 0 ? static_cast<decltype(outcome)>(-errno) : outcome;
}

// Component by component, following no link at all: for kernels without openat2.
int open_without_links(int directory, const std::string& path, int flags, unsigned mode) {
  file_handle held;
  int at = directory;
  std::size_t from = 0;
  for (;;) {
    const std::size_t slash = path.find('/', from);
    const std::string name = path.substr(from, slash - from);
    if (name == "..") return -EXDEV;
    const bool last = slash == std::string::npos;
    const int how = last ? flags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    const int next = repeated([&] { return ::openat(at, name.c_str(), how, mode); });
    if (last || next < 0) return next;
    held = file_handle(next);
    at = next;
    from = slash + 1;
  }
}

class system_calls final : public file_calls {
 public:
  int open(int directory, const std::string& path, int flags, unsigned mode) override {
    if (path.empty() || path.front() == '/') return -EINVAL;
    open_how how{};
    how.flags = static_cast<std::uint64_t>(static_cast<unsigned>(flags | O_CLOEXEC));
    how.mode = (flags & O_CREAT) != 0 ? mode : 0;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    const long fd = repeated([&] { return ::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how); });
    if (fd == -ENOSYS || fd == -EPERM) return open_without_links(directory, path, flags | O_CLOEXEC, mode);
    return static_cast<int>(fd);
  }
  ssize_t read(int file, void* to, std::size_t n, std::uint64_t offset) override {
    return repeated([&] { return ::pread(file, to, n, static_cast<off_t>(offset)); });
  }
  ssize_t write(int file, const void* from, std::size_t n) override {
    return repeated([&] { return ::write(file, from, n); });
  }
  int sync(int file) override {
    return repeated([&] { return ::fsync(file); });
  }
  int rename(int from_directory, const std::string& from, int to_directory, const std::string& to) override {
    return repeated([&] { return ::renameat(from_directory, from.c_str(), to_directory, to.c_str()); });
  }
  int remove(int directory, const std::string& name) override {
    return repeated([&] { return ::unlinkat(directory, name.c_str(), 0); });
  }
  int make_directory(int directory, const std::string& name) override {
    return repeated([&] { return ::mkdirat(directory, name.c_str(), 0755); });
  }
};

}  // namespace

file_calls& system_files() {
  static system_calls calls;
  return calls;
}

std::unexpected<error> file_failure(int minus_errno, const std::string& doing) {
  const int e = -minus_errno;
  const std::string text = doing + ": " + std::strerror(e);
  switch (e) {
    case ENOSPC:
    case EDQUOT:
      return fail(errc::no_space, text + "; free some space and try again");
    case ENOENT:
    case ENOTDIR:
      return fail(errc::not_found, text);
    case EXDEV:
    case ELOOP:
      return fail(errc::invalid, doing + ": a symbolic link leads out of the directory; replace it by what it names");
    case ENAMETOOLONG:
    case EISDIR:
      return fail(errc::invalid, text);
    default:
      return fail(errc::io_failed, text);
  }
}

void file_handle::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

}  // namespace longshore::api
