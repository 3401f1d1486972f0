#include "storage/env/random.h"

#include <random>

namespace longshore {

std::uint64_t random_source::below(std::uint64_t bound) {
  if (bound == 0) return 0;
  // The high half of a 64 x 64 bit product: Lemire, "Fast random integer generation in an interval", 2019. The bias
  // of leaving out the rejection step is below bound / 2^64.
  __extension__ using wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<wide>(next()) * bound) >> 64);
}

std::uint64_t seeded_random::next() {
  state_ += 0x9e3779b97f4a7c15u;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::uint64_t fresh_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

}  // namespace longshore
