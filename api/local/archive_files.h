#pragma once

// A tar archive of an OCI image layout: out of it into a directory, and a directory into one. Blocks.
//
// unpack() takes tar of any usual kind, plain or compressed once with gzip or zstd. It ends with errc::stopped soon
// after `stop`. It writes only what a layout has:
// oci-layout, index.json and blobs/<algorithm>/<hex>; `manifest.json` and `repositories`, which `docker save` adds for
// its own use, are passed over. errc::invalid for anything else: links, devices, absolute paths, "..", other
// names; errc::corrupt for a broken archive or a name that comes twice; errc::too_large over the limits, which count
// every byte that goes into the compression or comes out of it; errc::no_space before a file that would leave less than
// the limits keep free. Nothing that it wrote is synced. After an error the directory holds a part of the archive.
// pack_layout() writes `file` whole or not at all: to a file of its own in `aside`, which is on the same disk, synced,
// then renamed. Its bytes are a function of the layout's content (sorted names, no times).

#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "api/local/local_directory.h"

namespace longshore::api {

struct unpack_limits {
  std::uint64_t bytes_max = 64ull << 30;  // of the whole archive, unpacked
  std::uint64_t entries_max = 1'000'000;
  std::uint64_t header_bytes_max = 1u << 20;  // before one entry
  std::uint64_t free_bytes_min = 64u << 20;   // left on the disk (TMPDIR is often memory)
};

// errc::not_found, with what to do, when the directory that the file is to come into is not there: nobody is served by
// a tree of directories made out of a slip.
result<void> check_place_of(const std::filesystem::path& file);
// errc::not_found when there is no such file.
result<void> unpack_layout(const std::filesystem::path& file, const local_directory& to, const unpack_limits& limits,
                           std::stop_token stop = {});
result<void> pack_layout(const local_directory& from, const local_directory& aside, const std::filesystem::path& file);

}  // namespace longshore::api
