#include "storage/database.h"
#include "storage/env/ensure.h"

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

void scan::next() {
  ensure(rows_->valid(), "next() is for a scan that is at a row");
  rows_->next();
}

}  // namespace longshore::storage
