#pragma once

// While one lives, what is allocated on this thread is not held against us: for a library that loses memory on a way
// that only a test goes. RocksDB 7.8 loses a new memory table when the manifest cannot be written as it takes the old
// one's place; nothing is written afterwards, so it happens once in a process.

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/lsan_interface.h>
#define LONGSHORE_WATCHES_LEAKS 1
#endif
#endif

namespace longshore::testing {

class leaky_library {
 public:
  leaky_library() {
#ifdef LONGSHORE_WATCHES_LEAKS
    __lsan_disable();
#endif
  }
  ~leaky_library() {
#ifdef LONGSHORE_WATCHES_LEAKS
    __lsan_enable();
#endif
  }
  leaky_library(const leaky_library&) = delete;
  leaky_library& operator=(const leaky_library&) = delete;
};

}  // namespace longshore::testing
