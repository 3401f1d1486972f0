#pragma once

// Changes to a database that are to be made together, collected in memory; database::commit() makes them.
//
// Nothing is written before that. Later changes of a key win over earlier ones. One owner, one thread; reusable
// after clear(). Refuses nothing: what cannot be written is said by commit().

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace longshore::storage {

// A handle to a family, valid as long as its database.
struct family {
  std::uint32_t index = 0;
  auto operator<=>(const family&) const = default;
};

class write_batch {
 public:
  write_batch();
  ~write_batch();
  write_batch(write_batch&&) noexcept;
  write_batch& operator=(write_batch&&) noexcept;

  void put(family f, std::string_view key, std::string_view value);
  void erase(family f, std::string_view key);
  std::size_t size_bytes() const;
  std::size_t count() const;
  void clear();

 private:
  friend class database;
  struct rep;
  std::unique_ptr<rep> rep_;
};

}  // namespace longshore::storage
