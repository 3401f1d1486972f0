#include "engine/verification_turns.h"

#include <algorithm>

#include "engine/age.h"

namespace longshore::engine {

// What was shared has ended for one, and most likely for all.
std::uint32_t verification_turns::failures_of(const turn& last) const {
  return last.met == trouble::shared && last.recoveries != recoveries_ ? 0 : last.failures;
}

// A verification may take longer than the time after which it is due again.
void verification_turns::failed(const std::string& repository, timestamp now, trouble met) {
  turn& last = turns_[repository];
  last = {now, failures_of(last) + 1, met, recoveries_};
}

void verification_turns::compared(const std::string& repository) {
  const auto known = turns_.find(repository);
  if (known == turns_.end()) return;
  turn& last = known->second;
  if (last.met == trouble::shared && failures_of(last) > 0) ++recoveries_;
  last.failures = 0;
}

std::optional<std::int64_t> verification_turns::overdue_us(const std::string& repository, std::int64_t age_us,
                                                           newest was, timestamp now) const {
  constexpr std::uint32_t doublings_max = 20;
  std::int64_t wait_us = was == newest::compared ? every_us_ : again_us;
  if (const auto known = turns_.find(repository); known != turns_.end()) {
    const turn& last = known->second;
    age_us = std::min(age_us, engine::age_us(last.at, now));
    const std::uint32_t failures = failures_of(last);
    if (was == newest::not_compared && failures > 0) wait_us <<= std::min(failures - 1, doublings_max);
  }
  wait_us = std::min(wait_us, every_us_);
  return age_us >= wait_us ? std::optional(age_us - wait_us) : std::nullopt;
}

}  // namespace longshore::engine
