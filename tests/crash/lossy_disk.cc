// A disk that forgets what was not synced: preloaded into a process, it makes SIGKILL as bad as a power cut.
//
// A kill leaves the kernel's page cache in place, so by itself it loses nothing that was written, synced or not. Here,
// what a process appends to a file under LONGSHORE_LOSSY_DIR stays in the process's own memory until it asks for
// fsync, fdatasync or sync of that file (or closes it, or looks at it in a way that needs the bytes to be there); a
// kill before that loses it. Only sequential write() is held back, which is how the database writes its write-ahead
// log. Renames and directory entries are not modelled. LD_PRELOAD alone uses this; it is no part of Longshore.

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>

namespace {

constexpr int files_max = 65'536;
constexpr std::size_t held_bytes_max = 64u << 20;  // a file that is never synced does not eat the memory

struct file {
  std::mutex mutex;
  bool lossy = false;
  std::string held;
};

file* file_of(int fd) {
  static std::array<file, files_max>* files = new std::array<file, files_max>;  // outlives every caller
  return fd >= 0 && fd < files_max ? &(*files)[static_cast<std::size_t>(fd)] : nullptr;
}

template <class F>
F* real(const char* name) {
  return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name));
}

ssize_t real_write(int fd, const void* data, size_t size) {
  static auto* const next = real<ssize_t(int, const void*, size_t)>("write");
  return next(fd, data, size);
}

// Writes out what is held; the caller has the mutex.
int release(int fd, file& f) {
  const char* at = f.held.data();
  for (std::size_t left = f.held.size(); left > 0;) {
    const ssize_t n = real_write(fd, at, left);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -1;
    at += n;
    left -= static_cast<std::size_t>(n);
  }
  f.held.clear();
  return 0;
}

int release(int fd) {
  file* f = file_of(fd);
  if (f == nullptr) return 0;
  const std::lock_guard hold(f->mutex);
  return f->lossy ? release(fd, *f) : 0;
}

void opened(int fd, const char* path, int flags) {
  file* f = file_of(fd);
  if (f == nullptr) return;
  static const char* const under = std::getenv("LONGSHORE_LOSSY_DIR");
  const bool writes = (flags & O_ACCMODE) != O_RDONLY;
  const std::lock_guard hold(f->mutex);
  f->held.clear();
  f->lossy = writes && under != nullptr && std::strncmp(path, under, std::strlen(under)) == 0;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? static_cast<mode_t>(va_arg(arguments, unsigned)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  static auto* const next = real<int(const char*, int, ...)>("open");
  const int fd = next(path, flags, mode);
  opened(fd, path, flags);
  return fd;
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  static auto* const next = real<int(const char*, int, ...)>("open64");
  const int fd = next(path, flags, mode);
  opened(fd, path, flags);
  return fd;
}

ssize_t write(int fd, const void* data, size_t size) {
  file* f = file_of(fd);
  if (f != nullptr) {
    const std::lock_guard hold(f->mutex);
    if (f->lossy && f->held.size() + size <= held_bytes_max) {
      f->held.append(static_cast<const char*>(data), size);
      return static_cast<ssize_t>(size);
    }
    if (f->lossy && release(fd, *f) != 0) return -1;
  }
  return real_write(fd, data, size);
}

int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  return release(fd) == 0 ? next(fd) : -1;
}

int fdatasync(int fd) {
  static auto* const next = real<int(int)>("fdatasync");
  return release(fd) == 0 ? next(fd) : -1;
}

// Starts writing out, and promises nothing.
int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags) {
  static auto* const next = real<int(int, off64_t, off64_t, unsigned)>("sync_file_range");
  return next(fd, offset, count, flags);
}

int close(int fd) {
  file* f = file_of(fd);
  if (f != nullptr) {
    const std::lock_guard hold(f->mutex);
    if (f->lossy) release(fd, *f);
    f->lossy = false;
  }
  static auto* const next = real<int(int)>("close");
  return next(fd);
}

int ftruncate(int fd, off_t size) {
  static auto* const next = real<int(int, off_t)>("ftruncate");
  return release(fd) == 0 ? next(fd, size) : -1;
}

int ftruncate64(int fd, off64_t size) {
  static auto* const next = real<int(int, off64_t)>("ftruncate64");
  return release(fd) == 0 ? next(fd, size) : -1;
}

off_t lseek(int fd, off_t offset, int whence) {
  static auto* const next = real<off_t(int, off_t, int)>("lseek");
  return release(fd) == 0 ? next(fd, offset, whence) : -1;
}

off64_t lseek64(int fd, off64_t offset, int whence) {
  static auto* const next = real<off64_t(int, off64_t, int)>("lseek64");
  return release(fd) == 0 ? next(fd, offset, whence) : -1;
}

int fstat(int fd, struct stat* to) {
  static auto* const next = real<int(int, struct stat*)>("fstat");
  return release(fd) == 0 ? next(fd, to) : -1;
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off_t)>("pwrite");
  return release(fd) == 0 ? next(fd, data, size, at) : -1;
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  return release(fd) == 0 ? next(fd, data, size, at) : -1;
}

}  // extern "C"
