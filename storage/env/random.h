#pragma once

// Randomness as a seam: for jitter and for tests that replay by seed. Not for secrets.
//
// next() gives 64 uniformly distributed bits; the same seed gives the same numbers on every machine.
// One owner at a time.

#include <cstdint>

namespace longshore {

class random_source {
 public:
  virtual ~random_source() = default;
  virtual std::uint64_t next() = 0;
  // Uniform in [0, bound); 0 for bound 0.
  std::uint64_t below(std::uint64_t bound);
};

// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
class seeded_random final : public random_source {
 public:
  explicit seeded_random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

// A seed from the operating system.
std::uint64_t fresh_seed();

}  // namespace longshore
