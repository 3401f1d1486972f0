#pragma once

// Our own bugs: a condition that only a programming error can break. On in every build; says where, and aborts,
// because going on would put wrong bytes where operators trust them.

#include <source_location>

namespace longshore {

[[noreturn]] void ensure_failed(const char* what, std::source_location where);

inline void ensure(bool condition, const char* what, std::source_location where = std::source_location::current()) {
  if (!condition) [[unlikely]]
    ensure_failed(what, where);
}

}  // namespace longshore
