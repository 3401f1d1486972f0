#include "api/local/unpacked_stream.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "api/local/file_calls.h"

namespace longshore::api {
namespace {

constexpr std::size_t step = 256u << 10;

// RFC 1952, RFC 8878 (a frame, or one to be skipped, that some writers begin with).
int compression_of(std::string_view first) {
  using std::string_view_literals::operator""sv;
  if (first.starts_with("\x1f\x8b"sv)) return ARCHIVE_FILTER_GZIP;
  if (first.starts_with("\x28\xb5\x2f\xfd"sv)) return ARCHIVE_FILTER_ZSTD;
  const bool skippable = first.size() >= 4 && (first[0] & 0xf0) == 0x50 && first.substr(1, 3) == "\x2a\x4d\x18"sv;
  return skippable ? ARCHIVE_FILTER_ZSTD : ARCHIVE_FILTER_NONE;
}

}  // namespace

std::unexpected<error> archive_failure(archive* a, const std::string& doing) {
  const char* text = archive_error_string(a);
  const std::string what = doing + ": " + (text == nullptr ? "unknown failure" : text);
  const int e = archive_errno(a);
  if (e == ENOSPC || e == EDQUOT) return fail(errc::no_space, what + "; free some space and try again");
  if (e == EIO) return fail(errc::io_failed, what);
  return fail(errc::corrupt, what + "; fetch the archive again");
}

unpacked_stream::unpacked_stream(int file, std::string shown, unpacked_limits limits, std::stop_token stop)
    : file_(file),
      shown_(std::move(shown)),
      limits_(limits),
      stop_(std::move(stop)),
      buffer_(step),
      archive_(archive_read_new(), archive_read_free) {}

result<void> unpacked_stream::open() {
  archive* a = archive_.get();
  std::array<char, 4> first{};
  const ssize_t n = ::pread(file_, first.data(), first.size(), 0);
  if (n < 0) return file_failure(-errno, "cannot read " + shown_);
  const int filter = compression_of({first.data(), static_cast<std::size_t>(n)});
  is_compressed_ = filter != ARCHIVE_FILTER_NONE;
  archive_read_support_format_raw(a);
  // Named, not offered: what is offered is put on top of itself for as long as its bytes ask for it.
  if (is_compressed_ && archive_read_append_filter(a, filter) != ARCHIVE_OK) return failed();
  archive_entry* entry = nullptr;
  if (archive_read_open(a, this, nullptr, read_on, nullptr) != ARCHIVE_OK) return failed();
  if (archive_read_next_header(a, &entry) != ARCHIVE_OK) return failed();
  return {};
}

ssize_t unpacked_stream::read_on(archive* a, void* self, const void** block) {
  auto& s = *static_cast<unpacked_stream*>(self);
  auto n = s.read_file();
  if (!n) {
    s.failure_ = std::move(n).error();
    archive_set_error(a, EINVAL, "%s", s.failure_->text.c_str());
    return -1;
  }
  *block = s.buffer_.data();
  return static_cast<ssize_t>(*n);
}

result<std::size_t> unpacked_stream::read_file() {
  if (stop_.stop_requested()) return fail(errc::stopped, "unpacking " + shown_ + " was given up");
  ssize_t n = 0;
  do {
    n = ::read(file_, buffer_.data(), buffer_.size());
  } while (n < 0 && errno == EINTR);
  if (n < 0) return file_failure(-errno, "cannot read " + shown_);
  file_bytes_ += static_cast<std::uint64_t>(n);
  if (file_bytes_ > limits_.bytes_max) {
    return fail(errc::too_large, shown_ + " has more than " + std::to_string(limits_.bytes_max) + " bytes");
  }
  return static_cast<std::size_t>(n);
}

std::unexpected<error> unpacked_stream::failed() {
  if (failure_) return std::unexpected(*failure_);
  return archive_failure(archive_.get(), "cannot read " + shown_);
}

result<std::string_view> unpacked_stream::read() {
  const void* block = nullptr;
  std::size_t n = 0;
  la_int64_t offset = 0;
  if (stop_.stop_requested()) return fail(errc::stopped, "unpacking " + shown_ + " was given up");
  const int outcome = archive_read_data_block(archive_.get(), &block, &n, &offset);
  if (outcome == ARCHIVE_EOF) return std::string_view();
  if (outcome != ARCHIVE_OK) return failed();
  const std::string_view bytes(static_cast<const char*>(block), n);
  if (bytes_ == 0 && is_compressed_ && compression_of(bytes) != ARCHIVE_FILTER_NONE) {
    return fail(errc::invalid, shown_ + " is compressed more than once; take all but one compression off");
  }
  if (n > limits_.bytes_max - bytes_) {
    return fail(errc::too_large, shown_ + " unpacks to more than " + std::to_string(limits_.bytes_max) + " bytes");
  }
  bytes_ += n;
  if (header_bytes_ && (*header_bytes_ += n) > limits_.header_bytes_max) {
    return fail(errc::too_large, shown_ + " has a header of more than " + std::to_string(limits_.header_bytes_max) +
                                     " bytes before one of its entries");
  }
  return bytes;
}

}  // namespace longshore::api
