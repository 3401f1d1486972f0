#include "api/local/oci_archive.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstdlib>

namespace longshore::api {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view letters = "XXXXXX";  // that mkdtemp() replaces

result<fs::path> fresh_directory(const fs::path& name) {
  std::string path = name.string() + std::string(letters);
  if (::mkdtemp(path.data()) == nullptr) return file_failure(-errno, "cannot make a directory " + path);
  return fs::path(std::move(path));
}

bool is_locked(const fs::path& directory) {
  const file_handle handle(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  return handle && ::flock(handle.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// Each writer locks its own directory before it looks at the others': of two at once, at most one goes on.
result<void> check_only_writer(const fs::path& mine, const fs::path& file) {
  const std::string prefix = mine.filename().string().substr(0, mine.filename().string().size() - letters.size());
  std::error_code ec;
  for (fs::directory_iterator at(mine.parent_path(), ec), end; !ec && at != end; at.increment(ec)) {
    const std::string name = at->path().filename().string();
    if (name.size() != prefix.size() + letters.size() || !name.starts_with(prefix)) continue;
    if (at->path() != mine && is_locked(at->path())) {
      return fail(errc::busy, file.string() + " is being written by another process; wait until it has ended");
    }
  }
  if (ec) return file_failure(-ec.value(), "cannot list " + mine.parent_path().string());
  return {};
}

}  // namespace

result<std::unique_ptr<oci_archive>> oci_archive::open(oci_archive_options options) {
  std::unique_ptr<oci_archive> out(new oci_archive(std::move(options)));
  if (auto r = out->make_working_directory(); !r) return pass(std::move(r));
  if (auto r = out->unpack(); !r) return pass(std::move(r));
  return out;
}

oci_archive::~oci_archive() {
  layout_.reset();
  std::error_code ec;
  if (!working_.empty() && !keeps_working_) fs::remove_all(working_, ec);
}

// Always one that nobody had before: what has its name from elsewhere is not ours to empty.
result<void> oci_archive::make_working_directory() {
  if (options_.access != layout_access::write) {
    std::error_code ec;
    const fs::path in = options_.temporary.empty() ? fs::temp_directory_path(ec) : options_.temporary;
    if (ec) return file_failure(-ec.value(), "cannot find the directory for temporary files");
    auto made = fresh_directory(in / "longshore-");
    if (!made) return pass(std::move(made));
    working_ = *std::move(made);
    return {};
  }
  std::error_code ec;
  const fs::path file = fs::absolute(options_.file, ec);
  if (auto r = check_place_of(file); !r) return r;
  auto made = fresh_directory(file.string() + ".partial.");
  if (!made) return pass(std::move(made));
  working_ = *std::move(made);
  auto own = local_directory::open(working_, *options_.files);
  if (!own) return pass(std::move(own));
  lock_ = *std::move(own);
  if (auto r = lock_->lock(); !r) return r;
  return check_only_writer(working_, options_.file);
}

result<void> oci_archive::unpack() {
  const bool writes = options_.access == layout_access::write;
  const fs::path in = working_ / "layout";
  auto directory = local_directory::create(in, *options_.files);
  if (!directory) return pass(std::move(directory));
  oci_layout_options layout{in,
                            options_.access,
                            options_.repository,
                            "oci-archive:" + options_.file.string(),
                            options_.page_size,
                            options_.threads,
                            options_.files,
                            options_.needed};
  std::error_code ec;
  const bool is_new = writes && !fs::exists(options_.file, ec) && !ec;
  if (!is_new) {
    auto unpacked = unpack_layout(options_.file, *directory, options_.limits, options_.stop);
    if (!unpacked && unpacked.error().code == errc::no_space && !writes) {
      unpacked.error().text += ", or name another directory in TMPDIR";
    }
    if (!unpacked) return unpacked;
  }
  auto opened = oci_layout::open(std::move(layout));
  if (!opened) return pass(std::move(opened), "reading " + options_.file.string());
  layout_ = *std::move(opened);
  return {};
}

engine::task<> oci_archive::finish() {
  if (options_.access != layout_access::write) {
    co_return fail(errc::unsupported, layout_->name() + " is open for reading only");
  }
  auto done = co_await layout_->finish();
  if (done) {
    done = co_await packing_.run([&] { return pack_layout(layout_->directory(), *lock_, options_.file); });
  }
  keeps_working_ = false;
  if (!done) {
    // Blobs without an image are of no use to anybody.
    const auto held = co_await layout_->holds_an_image();
    keeps_working_ = !held || *held;
  }
  if (keeps_working_) {
    done.error().text += "; what was fetched is kept: copy it from oci:" + layout_->directory().path().string() +
                         ", or delete " + working_.string();
  }
  co_return done;
}

}  // namespace longshore::api
