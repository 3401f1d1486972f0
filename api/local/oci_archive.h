#pragma once

// A tar archive of an OCI image layout as a registry, to read or to write: `oci-archive:FILE`.
//
// The archive is a layout while it is used: unpacked into a working directory of its own, which goes with the object.
// To read: below options.temporary; the archive may be compressed with gzip or zstd. To write: in a fresh directory
// FILE.partial.XXXXXX, so that it is on FILE's disk (a killed writer leaves it there: nobody else deletes it); an
// archive that is there already is unpacked first, and added to. Nothing of what was
// written is in FILE before finish() has returned success; FILE is then replaced at once, and is on disk. Until
// then, and after any failure, FILE is as it was. finish() may be called again after further changes. When it failed
// last, the working directory stays if it holds an image, and the error names it: what was fetched need not be fetched
// again.
// One executor. One process at a time writes an archive (errc::busy). What unpack_layout() refuses, open() refuses.

#include <filesystem>
#include <memory>
#include <optional>

#include "api/local/archive_files.h"
#include "api/local/oci_layout.h"

namespace longshore::api {

struct oci_archive_options {
  std::filesystem::path file;
  layout_access access = layout_access::read;
  std::filesystem::path temporary;  // empty: TMPDIR, or the system's
  unpack_limits limits;
  std::string repository = "image";
  std::size_t page_size = 1'000;
  std::size_t threads = 4;
  file_calls* files = &system_files();
  index_entries needed = index_entries::all;
  std::stop_token stop = {};  // of open()
};

class oci_archive {
 public:
  // Blocks while it unpacks; errc::stopped soon after options.stop. To plan: errc::not_found while there is no such
  // file.
  static result<std::unique_ptr<oci_archive>> open(oci_archive_options options);
  ~oci_archive();

  // Lives as long as this object.
  engine::registry& registry() { return *layout_; }
  // errc::unsupported unless it is open for writing.
  engine::task<> finish();

 private:
  explicit oci_archive(oci_archive_options options) : options_(std::move(options)) {}
  result<void> make_working_directory();
  result<void> unpack();

  oci_archive_options options_;
  std::filesystem::path working_;  // empty: none is ours (yet)
  bool keeps_working_ = false;
  std::optional<local_directory> lock_;  // on working_, of a writer: held until it is gone
  std::unique_ptr<oci_layout> layout_;
  blocking_pool packing_{1};
};

}  // namespace longshore::api
