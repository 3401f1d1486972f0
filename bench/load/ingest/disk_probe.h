#pragma once

// What the device itself takes to make an append durable: the floor under every durable acknowledgement.
//
// Appends blocks to a file of its own in the directory, with fdatasync after each, for about the given time; the file
// is removed. Nothing else should write to the device meanwhile.

#include <chrono>
#include <filesystem>

#include "bench/load/ingest/percentiles.h"
#include "storage/env/result.h"

namespace longshore::bench {

result<percentiles> probe_disk(const std::filesystem::path& directory, std::size_t block_bytes,
                               std::chrono::milliseconds time);

}  // namespace longshore::bench
