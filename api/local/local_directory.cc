#include "api/local/local_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "storage/env/random.h"

namespace longshore::api {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view unfinished_prefix = ".longshore-";
constexpr std::size_t read_step = 1u << 20;
constexpr std::size_t swept_names_max = 1'000'000;

// "a/b/c" -> "a/b" and "c"; "c" -> "" and "c".
std::pair<std::string, std::string> split(const std::string& relative) {
  const std::size_t slash = relative.rfind('/');
  if (slash == std::string::npos) return {"", relative};
  return {relative.substr(0, slash), relative.substr(slash + 1)};
}

file_stamp stamp_of(const struct stat& facts) {
  return {static_cast<std::uint64_t>(facts.st_dev), static_cast<std::uint64_t>(facts.st_ino),
          static_cast<std::uint64_t>(facts.st_size), facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec};
}

}  // namespace

result<local_directory> local_directory::open(const fs::path& path, file_calls& files) {
  // The directory itself is the caller's word: a link to it is followed.
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return file_failure(-errno, "cannot open the directory " + path.string());
  return local_directory(path, file_handle(fd), files);
}

result<local_directory> local_directory::create(const fs::path& path, file_calls& files) {
  std::error_code ec;
  const fs::path whole = fs::absolute(path, ec).lexically_normal();
  fs::create_directories(whole, ec);
  if (ec) return file_failure(-ec.value(), "cannot make the directory " + path.string());
  const fs::path above = (whole.has_filename() ? whole : whole.parent_path()).parent_path();
  const file_handle parent(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return file_failure(-errno, "cannot open the directory above " + path.string());
  if (const int r = files.sync(parent.get()); r < 0)
    return file_failure(r, "cannot sync the directory above " + path.string());
  return open(path, files);
}

result<file_handle> local_directory::open_directory(const std::string& relative) const {
  const int fd = files_->open(handle_.get(), relative.empty() ? "." : relative, O_RDONLY | O_DIRECTORY, 0);
  if (fd < 0) return file_failure(fd, "cannot open " + shown(relative));
  return file_handle(fd);
}

result<local_directory::opened> local_directory::open_file(const std::string& relative) const {
  // Not blocking: a pipe of that name must not hold us up.
  const int fd = files_->open(handle_.get(), relative, O_RDONLY | O_NONBLOCK, 0);
  if (fd < 0) return file_failure(fd, "cannot open " + shown(relative));
  opened out{file_handle(fd), 0, {}};
  struct stat facts{};
  if (::fstat(fd, &facts) != 0) return file_failure(-errno, "cannot look at " + shown(relative));
  if (!S_ISREG(facts.st_mode)) return fail(errc::invalid, shown(relative) + " is not a file");
  out.stamp = stamp_of(facts);
  out.size = out.stamp.size;
  return out;
}

result<std::string> local_directory::read_file(const std::string& relative, std::uint64_t bytes_max) const {
  auto file = open_file(relative);
  if (!file) return pass(std::move(file));
  std::string bytes;
  for (;;) {
    if (std::max<std::uint64_t>(file->size, bytes.size()) > bytes_max) {
      return fail(errc::too_large, shown(relative) + " has more than " + std::to_string(bytes_max) + " bytes");
    }
    const std::size_t had = bytes.size();
    bytes.resize(had + std::min<std::size_t>(read_step, static_cast<std::size_t>(file->size) -
                                                            std::min<std::size_t>(had, file->size) + 1));
    const ssize_t n = files_->read(file->file.get(), bytes.data() + had, bytes.size() - had, had);
    if (n < 0) return file_failure(static_cast<int>(n), "cannot read " + shown(relative));
    bytes.resize(had + static_cast<std::size_t>(n));
    if (n == 0) return bytes;
  }
}

result<std::vector<std::string>> local_directory::list(const std::string& relative, std::size_t names_max) const {
  auto handle = open_directory(relative);
  if (!handle) return pass(std::move(handle));
  const int copy = ::fcntl(handle->get(), F_DUPFD_CLOEXEC, 0);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(copy < 0 ? nullptr : ::fdopendir(copy),
                                                   [](DIR* d) { return ::closedir(d); });
  if (!stream) return file_failure(-errno, "cannot list " + shown(relative));
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return file_failure(-errno, "cannot list " + shown(relative));
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    if (names.size() == names_max) {
      return fail(errc::too_large, shown(relative) + " has more than " + std::to_string(names_max) + " entries");
    }
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  return names;
}

result<bool> local_directory::has_directory(const std::string& relative) const {
  auto handle = open_directory(relative);
  if (handle) return true;
  if (handle.error().code == errc::not_found) return false;
  return pass(std::move(handle));
}

result<void> local_directory::lock() const {
  if (::flock(handle_.get(), LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK) {
    return fail(errc::busy, path_.string() + " is being written by another process; wait until it has ended");
  }
  return file_failure(-errno, "cannot lock " + path_.string());
}

result<void> local_directory::sweep() const {
  auto names = list("", swept_names_max);
  if (!names) return pass(std::move(names));
  for (const std::string& name : *names) {
    if (!name.starts_with(unfinished_prefix)) continue;
    if (auto r = remove_file(name); !r && r.error().code != errc::not_found) return r;
  }
  return {};
}

result<new_file> local_directory::begin_file() const {
  std::string name = std::string(unfinished_prefix) + std::to_string(fresh_seed());
  const int fd = files_->open(handle_.get(), name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  if (fd < 0) return file_failure(fd, "cannot make a file in " + path_.string());
  return new_file(*this, std::move(name), file_handle(fd));
}

result<void> local_directory::write_file(const std::string& relative, std::string_view bytes) const {
  auto file = begin_file();
  if (!file) return pass(std::move(file));
  if (auto r = file->write(bytes); !r) return r;
  return file->publish(relative);
}

result<void> local_directory::make_directories(const std::string& relative) const {
  for (std::size_t slash = 0; slash != std::string::npos;) {
    slash = relative.find('/', slash + 1);
    const auto [above, name] = split(relative.substr(0, slash));
    auto parent = open_directory(above);
    if (!parent) return pass(std::move(parent));
    const int made = files_->make_directory(parent->get(), name);
    // One that is there may be of a process that died before it was on disk.
    if (made < 0 && made != -EEXIST) return file_failure(made, "cannot make " + shown(relative));
    if (const int r = files_->sync(parent->get()); r < 0) return file_failure(r, "cannot sync " + shown(above));
  }
  return {};
}

result<void> local_directory::remove_file(const std::string& relative) const {
  const auto [above, name] = split(relative);
  auto parent = open_directory(above);
  if (!parent) return pass(std::move(parent));
  if (const int r = files_->remove(parent->get(), name); r < 0)
    return file_failure(r, "cannot remove " + shown(relative));
  if (const int r = files_->sync(parent->get()); r < 0) return file_failure(r, "cannot sync " + shown(above));
  return {};
}

new_file::new_file(new_file&& other) noexcept
    : in_(other.in_), name_(std::exchange(other.name_, {})), file_(std::move(other.file_)), written_(other.written_) {}

new_file::~new_file() {
  // What cannot be removed now, the next writer's sweep() removes.
  if (!name_.empty()) in_->files_->remove(in_->handle_.get(), name_);
}

result<void> new_file::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = in_->files_->write(file_.get(), bytes.data(), bytes.size());
    if (n < 0) return file_failure(static_cast<int>(n), "cannot write in " + in_->path_.string());
    written_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

result<file_stamp> new_file::stamp() const {
  struct stat facts{};
  if (::fstat(file_.get(), &facts) != 0) return file_failure(-errno, "cannot look at a file in " + in_->path_.string());
  return stamp_of(facts);
}

result<void> new_file::place(const local_directory& to, const std::string& relative) {
  const auto [above, name] = split(relative);
  auto parent = to.open_directory(above);
  if (!parent) return pass(std::move(parent));
  const int moved = in_->files_->rename(in_->handle_.get(), name_, parent->get(), name);
  if (moved < 0) return file_failure(moved, "cannot write " + to.shown(relative));
  name_.clear();
  return {};
}

result<void> new_file::publish(const local_directory& to, const std::string& relative) {
  const std::string doing = "cannot write " + to.shown(relative);
  if (const int r = in_->files_->sync(file_.get()); r < 0) return file_failure(r, doing);
  if (auto r = place(to, relative); !r) return r;
  auto parent = to.open_directory(split(relative).first);
  if (!parent) return pass(std::move(parent));
  if (const int r = in_->files_->sync(parent->get()); r < 0) return file_failure(r, doing);
  return {};
}

}  // namespace longshore::api
