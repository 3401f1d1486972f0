#include <limits>

#include "storage/env/ensure.h"
#include "storage/rocks.h"

namespace longshore::storage {

void write_batch::rep::add(change what, family f, std::string_view key, std::string_view value) {
  constexpr std::size_t size_max = std::numeric_limits<std::uint32_t>::max();
  ensure(key.size() <= size_max && value.size() <= size_max, "keys and values are below 4 GiB");
  const change_head head{static_cast<std::uint8_t>(what), f.index, static_cast<std::uint32_t>(key.size()),
                         static_cast<std::uint32_t>(value.size())};
  char head_bytes[sizeof head];
  __builtin_memcpy(head_bytes, &head, sizeof head);
  bytes.append(head_bytes, sizeof head).append(key).append(value);
  ++count;
}

write_batch::write_batch() : rep_(std::make_unique<rep>()) {}
write_batch::~write_batch() = default;
write_batch::write_batch(write_batch&&) noexcept = default;
write_batch& write_batch::operator=(write_batch&&) noexcept = default;

void write_batch::put(family f, std::string_view key, std::string_view value) {
  rep_->add(rep::change::put, f, key, value);
}

void write_batch::erase(family f, std::string_view key) { rep_->add(rep::change::erase, f, key, {}); }

std::size_t write_batch::size_bytes() const { return rep_->bytes.size(); }
std::size_t write_batch::count() const { return rep_->count; }

void write_batch::clear() {
  rep_->bytes.clear();
  rep_->count = 0;
}

}  // namespace longshore::storage
