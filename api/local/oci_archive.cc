#include "api/local/oci_archive.h"

#include <cerrno>
#include <cstdlib>

namespace longshore::api {
namespace {

namespace fs = std::filesystem;

// What a writer that died left there. The lock keeps it from a living one.
result<void> empty_directory(const fs::path& path, file_calls& files) {
  auto directory = local_directory::create(path, files);
  if (!directory) return pass(std::move(directory));
  if (auto r = directory->lock(); !r) return r;
  std::error_code ec;
  for (const auto& entry : fs::directory_iterator(path, ec)) {
    fs::remove_all(entry.path(), ec);
    if (ec) break;
  }
  if (ec) return file_failure(-ec.value(), "cannot empty " + path.string());
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
  if (!working_.empty()) fs::remove_all(working_, ec);
}

result<void> oci_archive::make_working_directory() {
  if (options_.access == layout_access::write) {
    const fs::path beside(options_.file.string() + ".partial.d");
    if (auto r = empty_directory(beside, *options_.files); !r) return r;
    working_ = beside;
    return {};
  }
  std::error_code ec;
  const fs::path in = options_.temporary.empty() ? fs::temp_directory_path(ec) : options_.temporary;
  std::string path = (in / "longshore-XXXXXX").string();
  if (ec || ::mkdtemp(path.data()) == nullptr) {
    return file_failure(ec ? -ec.value() : -errno, "cannot make a directory in " + in.string());
  }
  working_ = path;
  return {};
}

result<void> oci_archive::unpack() {
  const bool writes = options_.access == layout_access::write;
  oci_layout_options layout{
      working_,           options_.access,  options_.repository, "oci-archive:" + options_.file.string(),
      options_.page_size, options_.threads, options_.files};
  std::error_code ec;
  const bool is_new = writes && !fs::exists(options_.file, ec) && !ec;
  if (!is_new) {
    auto directory = local_directory::open(working_, *options_.files);
    if (!directory) return pass(std::move(directory));
    if (auto r = unpack_layout(options_.file, *directory, options_.limits); !r) return r;
  }
  auto opened = oci_layout::open(std::move(layout));
  if (!opened) return pass(std::move(opened), "reading " + options_.file.string());
  layout_ = *std::move(opened);
  return {};
}

engine::task<> oci_archive::finish() {
  if (options_.access == layout_access::read) {
    co_return fail(errc::unsupported, layout_->name() + " is open for reading only");
  }
  if (auto listed = co_await layout_->finish(); !listed) co_return listed;
  co_return co_await packing_.run([&] { return pack_layout(layout_->directory(), options_.file); });
}

}  // namespace longshore::api
