#include "storage/env/ensure.h"
#include "storage/rocks.h"

namespace longshore::storage {

scan_range with_prefix(std::string_view prefix) {
  scan_range range{std::string(prefix), std::string(prefix), 0};
  std::string& upper = *range.upper;
  while (!upper.empty() && upper.back() == '\xff') upper.pop_back();
  if (upper.empty()) {
    range.upper.reset();
  } else {
    upper.back() = static_cast<char>(static_cast<unsigned char>(upper.back()) + 1);
  }
  return range;
}

snapshot::snapshot(std::unique_ptr<rep> rep) : rep_(std::move(rep)) {}
snapshot::~snapshot() = default;
snapshot::snapshot(snapshot&&) noexcept = default;
snapshot& snapshot::operator=(snapshot&&) noexcept = default;

scan::scan(std::unique_ptr<rep> rep) : rep_(std::move(rep)) {}
scan::~scan() = default;
scan::scan(scan&&) noexcept = default;
scan& scan::operator=(scan&&) noexcept = default;

bool scan::valid() const { return rep_->rows != nullptr && rep_->rows->Valid(); }

void scan::next() {
  ensure(valid(), "next() is for a scan that is at a row");
  rep_->rows->Next();
}

std::string_view scan::key() const {
  const rocksdb::Slice key = rep_->rows->key();
  return {key.data(), key.size()};
}

std::string_view scan::value() const {
  const rocksdb::Slice value = rep_->rows->value();
  return {value.data(), value.size()};
}

result<void> scan::status() const {
  if (rep_->rows == nullptr) return {};
  const rocksdb::Status status = rep_->rows->status();
  if (status.ok()) return {};
  return std::unexpected(error_of(status, "reading the database"));
}

}  // namespace longshore::storage
