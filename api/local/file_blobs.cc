#include "api/local/file_blobs.h"

namespace longshore::api {

namespace asio = boost::asio;
using engine::task;

file_blob_reader::file_blob_reader(blocking_pool& pool, file_calls& files, local_directory::opened file, digest d,
                                   std::uint64_t offset, std::string shown)
    : pool_(&pool),
      files_(&files),
      file_(std::move(file.file)),
      size_(file.size),
      digest_(std::move(d)),
      offset_(offset),
      shown_(std::move(shown)) {
  if (offset == 0) hasher_.emplace(digest_.algorithm());
}

result<std::unique_ptr<engine::blob_reader>> file_blob_reader::start(blocking_pool& pool, file_calls& files,
                                                                     local_directory::opened file, digest d,
                                                                     std::uint64_t offset, std::string shown) {
  if (offset > file.size) {
    return fail(errc::invalid, shown + " has " + std::to_string(file.size) + " bytes, and was to be read from " +
                                   std::to_string(offset));
  }
  return std::unique_ptr<engine::blob_reader>(
      new file_blob_reader(pool, files, std::move(file), std::move(d), offset, std::move(shown)));
}

result<std::size_t> file_blob_reader::read_piece(asio::mutable_buffer buffer) {
  const ssize_t n = files_->read(file_.get(), buffer.data(), buffer.size(), offset_);
  if (n < 0) return file_failure(static_cast<int>(n), "cannot read " + shown_);
  const auto got = static_cast<std::size_t>(n);
  offset_ += got;
  if (hasher_ && got > 0) hasher_->update(std::string_view(static_cast<const char*>(buffer.data()), got));
  if (got > 0) return got;
  if (hasher_) {
    const digest is = hasher_->finish();
    hasher_.reset();
    if (is != digest_) {
      return fail(errc::corrupt, shown_ + " does not have the digest it is named by; remove it and copy it again");
    }
  }
  return got;
}

task<std::size_t> file_blob_reader::read(asio::mutable_buffer buffer) {
  if (buffer.size() == 0) co_return fail(errc::invalid, "a read needs a buffer");
  co_return co_await pool_->run([&] { return read_piece(buffer); });
}

task<> file_blob_writer::write(asio::const_buffer buffer) {
  if (!file_) co_return fail(errc::invalid, "this upload has ended");
  co_return co_await pool_->run([&] {
    const std::string_view bytes(static_cast<const char*>(buffer.data()), buffer.size());
    hasher_.update(bytes);
    return file_->write(bytes);
  });
}

result<void> file_blob_writer::publish(const digest& expected) {
  const digest is = hasher_.finish();
  if (expected.algorithm() != algorithm_) {
    return fail(errc::rejected,
                "DIGEST_INVALID: the upload was begun for another algorithm than that of " + expected.text());
  }
  if (is != expected) return fail(errc::rejected, "DIGEST_INVALID: the blob's digest is " + is.text());
  return file_->publish(path_(expected));
}

task<> file_blob_writer::finish(digest expected) {
  if (!file_) co_return fail(errc::invalid, "this upload has ended");
  auto done = co_await pool_->run([&] {
    auto published = publish(expected);
    file_.reset();
    return published;
  });
  co_return done;
}

task<> file_blob_writer::cancel() {
  co_return co_await pool_->run([&] {
    file_.reset();
    return result<void>();
  });
}

}  // namespace longshore::api
