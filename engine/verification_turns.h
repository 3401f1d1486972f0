#pragma once

// When the schedule of verifications takes a repository: once in `every`, and sooner what could not be compared: after
// an hour, and after twice as long each time that it failed again, so that however many cannot be compared for long,
// they take no more turns than the others. A registry that was away has kept all of them waiting, and all come within
// the hour once one of those that it kept from being compared is compared again. Pure.
//
// took() is told when a turn begins, failed() when it ends and it could not be compared; compared() that somebody
// could. Forgotten with the process: after a start each is tried soon. As many entries as there are repositories.

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "storage/env/clock.h"

namespace longshore::engine {

class verification_turns {
 public:
  static constexpr std::int64_t again_us = 3'600'000'000;  // the registry may be back

  explicit verification_turns(std::int64_t every_us) : every_us_(every_us) {}

  // Verified or not: a broken one does not keep the others from their turn.
  void took(const std::string& repository, timestamp now) { turns_[repository].at = now; }
  enum class trouble : bool { its_own, shared };  // by all that a registry which is away is asked about
  void failed(const std::string& repository, timestamp now, trouble met);
  void compared(const std::string& repository);

  enum class newest : bool { compared, not_compared };  // verification of it
  // For how long it has been due; none: it is not. age_us: of what was found there last, by whomever.
  std::optional<std::int64_t> overdue_us(const std::string& repository, std::int64_t age_us, newest was,
                                         timestamp now) const;

 private:
  struct turn {
    timestamp at;
    std::uint32_t failures = 0;  // in a row
    trouble met = trouble::its_own;
    std::uint64_t recoveries = 0;  // so many there were when it failed
  };
  std::uint32_t failures_of(const turn& last) const;

  std::int64_t every_us_;
  std::uint64_t recoveries_ = 0;  // from what was shared
  std::map<std::string, turn, std::less<>> turns_;
};

}  // namespace longshore::engine
