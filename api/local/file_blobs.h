#pragma once

// Blobs that are files, read and written in pieces on a pool's threads.
//
// A reader that began at the start hashes what it reads: instead of the end there comes errc::corrupt, naming the file,
// when the bytes are not those of the digest. One that began later leaves that to its caller.
// A writer's blob is visible when finish() has returned success, and on disk; bytes of another digest are
// errc::rejected and leave nothing. The pool, and the writer's directory, must outlive both.

#include <memory>
#include <string>

#include "api/blocking_pool.h"
#include "api/local/local_directory.h"
#include "engine/registry.h"

namespace longshore::api {

class file_blob_reader final : public engine::blob_reader {
 public:
  // errc::invalid for an offset past the end. shown names the file to people.
  static result<std::unique_ptr<engine::blob_reader>> start(blocking_pool& pool, file_calls& files,
                                                            local_directory::opened file, digest d,
                                                            std::uint64_t offset, std::string shown);

  std::optional<std::uint64_t> size() const override { return size_; }
  engine::task<std::size_t> read(boost::asio::mutable_buffer buffer) override;

 private:
  file_blob_reader(blocking_pool& pool, file_calls& files, local_directory::opened file, digest d, std::uint64_t offset,
                   std::string shown);
  result<std::size_t> read_piece(boost::asio::mutable_buffer buffer);

  blocking_pool* pool_;
  file_calls* files_;
  file_handle file_;
  std::uint64_t size_;
  digest digest_;
  std::uint64_t offset_;
  std::string shown_;
  std::optional<digest_hasher> hasher_;  // none: began later, or has been compared
};

class file_blob_writer final : public engine::blob_writer {
 public:
  // path: where a blob of this digest belongs, below the new file's directory.
  file_blob_writer(blocking_pool& pool, new_file file, digest_algorithm algorithm, std::string (*path)(const digest&))
      : pool_(&pool), file_(std::move(file)), algorithm_(algorithm), hasher_(algorithm), path_(path) {}

  engine::task<> write(boost::asio::const_buffer buffer) override;
  engine::task<> finish(digest expected) override;
  engine::task<> cancel() override;

 private:
  result<void> publish(const digest& expected);

  blocking_pool* pool_;
  std::optional<new_file> file_;
  digest_algorithm algorithm_;
  digest_hasher hasher_;
  std::string (*path_)(const digest&);
};

}  // namespace longshore::api
