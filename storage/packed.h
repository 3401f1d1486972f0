#pragma once

// The stored form of small rows: LEB128 numbers and length-prefixed strings, in a fixed order, nothing else.
//
// Equal rows have equal bytes. An unpacker never reads past its input: after the first field that is not there,
// ok() is false and every further field is empty. Rows grow only at the end; a missing tail reads as zero when the
// reader asks with more().

#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::storage {

class packer {
 public:
  packer& number(std::uint64_t n) {
    while (n >= 0x80) {
      out_.push_back(static_cast<char>((n & 0x7f) | 0x80));
      n >>= 7;
    }
    out_.push_back(static_cast<char>(n));
    return *this;
  }
  packer& text(std::string_view s) {
    number(s.size());
    out_.append(s);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

class unpacker {
 public:
  explicit unpacker(std::string_view in) : in_(in) {}

  std::uint64_t number() {
    std::uint64_t n = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!ok_ || in_.empty()) return broken();
      const auto byte = static_cast<std::uint8_t>(in_.front());
      in_.remove_prefix(1);
      n |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) return n;
    }
    return broken();
  }
  std::string_view text() {
    const std::uint64_t size = number();
    if (!ok_ || size > in_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view s = in_.substr(0, size);
    in_.remove_prefix(size);
    return s;
  }
  bool more() const { return ok_ && !in_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::uint64_t broken() {
    ok_ = false;
    return 0;
  }
  std::string_view in_;
  bool ok_ = true;
};

}  // namespace longshore::storage
