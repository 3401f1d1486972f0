#include "api/local/unpacked_stream.h"

#include <archive.h>
#include <archive_entry.h>

#include <cerrno>

namespace longshore::api {
namespace {

constexpr std::size_t step = 256u << 10;

}  // namespace

std::unexpected<error> archive_failure(archive* a, const std::string& doing) {
  const char* text = archive_error_string(a);
  const std::string what = doing + ": " + (text == nullptr ? "unknown failure" : text);
  const int e = archive_errno(a);
  if (e == ENOSPC || e == EDQUOT) return fail(errc::no_space, what + "; free some space and try again");
  if (e == EIO) return fail(errc::io_failed, what);
  return fail(errc::corrupt, what + "; fetch the archive again");
}

unpacked_stream::unpacked_stream(int file, std::string shown, unpacked_limits limits)
    : file_(file), shown_(std::move(shown)), limits_(limits), archive_(archive_read_new(), archive_read_free) {}

result<void> unpacked_stream::open() {
  archive* a = archive_.get();
  archive_read_support_format_raw(a);
  archive_read_support_filter_gzip(a);
  archive_read_support_filter_zstd(a);
  archive_entry* entry = nullptr;
  if (archive_read_open_fd(a, file_, step) != ARCHIVE_OK || archive_read_next_header(a, &entry) != ARCHIVE_OK) {
    return archive_failure(a, "cannot read " + shown_);
  }
  return {};
}

result<std::string_view> unpacked_stream::read() {
  const void* block = nullptr;
  std::size_t n = 0;
  la_int64_t offset = 0;
  const int outcome = archive_read_data_block(archive_.get(), &block, &n, &offset);
  if (outcome == ARCHIVE_EOF) return std::string_view();
  if (outcome != ARCHIVE_OK) return archive_failure(archive_.get(), "cannot read " + shown_);
  if (n > limits_.bytes_max - bytes_) {
    return fail(errc::too_large, shown_ + " unpacks to more than " + std::to_string(limits_.bytes_max) + " bytes");
  }
  bytes_ += n;
  if (header_bytes_ && (*header_bytes_ += n) > limits_.header_bytes_max) {
    return fail(errc::too_large, shown_ + " has a header of more than " + std::to_string(limits_.header_bytes_max) +
                                     " bytes before one of its entries");
  }
  return std::string_view(static_cast<const char*>(block), n);
}

}  // namespace longshore::api
