#include "engine/verification_turns.h"

#include <algorithm>

#include "engine/age.h"

namespace longshore::engine {

void verification_turns::compared(const std::string& repository) {
  if (const auto known = turns_.find(repository); known != turns_.end()) known->second.failures = 0;
}

std::optional<std::int64_t> verification_turns::overdue_us(const std::string& repository, std::int64_t age_us,
                                                           newest was, timestamp now) const {
  constexpr std::uint32_t doublings_max = 20;
  std::int64_t wait_us = was == newest::compared ? every_us_ : again_us;
  if (const auto known = turns_.find(repository); known != turns_.end()) {
    const turn& last = known->second;
    age_us = std::min(age_us, engine::age_us(last.at, now));
    if (was == newest::not_compared && last.failures > 0) wait_us <<= std::min(last.failures - 1, doublings_max);
  }
  wait_us = std::min(wait_us, every_us_);
  return age_us >= wait_us ? std::optional(age_us - wait_us) : std::nullopt;
}

}  // namespace longshore::engine
