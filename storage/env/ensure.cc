#include "storage/env/ensure.h"

#include <cstdio>
#include <cstdlib>

namespace longshore {

void ensure_failed(const char* what, std::source_location where) {
  std::fprintf(stderr, "longshore: bug: %s (%s:%u in %s)\n", what, where.file_name(), where.line(),
               where.function_name());
  std::abort();
}

}  // namespace longshore
