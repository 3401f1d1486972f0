// Reads one byte past its input when the input begins like a digest: the fuzzing set-up must find it.

#include <cstdint>
#include <cstring>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4 || std::memcmp(data, "sha2", 4) != 0) return 0;
  std::string copy(reinterpret_cast<const char*>(data), size);
  const char* heap = new char[size];
  volatile char beyond = heap[size];
  delete[] heap;
  return beyond == copy[0] ? 0 : 0;
}
