#include "storage/write_batch.h"

#include <limits>

#include "storage/env/ensure.h"

namespace longshore::storage {

void write_batch::add(change what, family f, std::string_view key, std::string_view value) {
  constexpr std::size_t size_max = std::numeric_limits<std::uint32_t>::max();
  ensure(key.size() <= size_max && value.size() <= size_max, "keys and values are below 4 GiB");
  const head h{static_cast<std::uint8_t>(what), f.index, static_cast<std::uint32_t>(key.size()),
               static_cast<std::uint32_t>(value.size())};
  char head_bytes[sizeof h];
  __builtin_memcpy(head_bytes, &h, sizeof h);
  bytes_.append(head_bytes, sizeof h).append(key).append(value);
  ++count_;
}

void write_batch::clear() {
  bytes_.clear();
  count_ = 0;
}

}  // namespace longshore::storage
