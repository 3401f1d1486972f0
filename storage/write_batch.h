#pragma once

// Changes to a database that are to be made together, collected in memory; database::commit() makes them.
//
// Nothing is written before that. Later changes of a key win over earlier ones. One owner, one thread; reusable
// after clear(). Refuses nothing: what cannot be written is said by commit().

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace longshore::storage {

// A handle to a family, valid as long as its database.
struct family {
  std::uint32_t index = 0;
  auto operator<=>(const family&) const = default;
};

class write_batch {
 public:
  enum class change : std::uint8_t { put, erase };

  void put(family f, std::string_view key, std::string_view value) { add(change::put, f, key, value); }
  void erase(family f, std::string_view key) { add(change::erase, f, key, {}); }
  std::size_t size_bytes() const { return bytes_.size(); }
  std::size_t count() const { return count_; }
  void clear();

  // Calls apply(what, family, key, value) for each change, in order.
  template <class F>
  void each(F&& apply) const {
    for (std::string_view rest = bytes_; !rest.empty();) {
      head h;
      __builtin_memcpy(&h, rest.data(), sizeof h);
      rest.remove_prefix(sizeof h);
      const std::string_view key = rest.substr(0, h.key_size);
      const std::string_view value = rest.substr(h.key_size, h.value_size);
      rest.remove_prefix(key.size() + value.size());
      apply(static_cast<change>(h.what), family{h.family_index}, key, value);
    }
  }

 private:
  // Before the bytes of each key and value; in this machine's order, for it never leaves its memory.
  struct head {
    std::uint8_t what;
    std::uint32_t family_index, key_size, value_size;
  };
  void add(change what, family f, std::string_view key, std::string_view value);

  std::string bytes_;
  std::size_t count_ = 0;
};

}  // namespace longshore::storage
