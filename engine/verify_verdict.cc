#include "engine/verify_verdict.h"

namespace longshore::engine {

std::string_view name_of(verify_verdict::state s) {
  switch (s) {
    case verify_verdict::state::clean:
      return "clean";
    case verify_verdict::state::unjudged:
      return "unjudged";
    case verify_verdict::state::mismatched:
      return "mismatched";
    case verify_verdict::state::unknown:
      return "unknown";
  }
  return "unknown";
}

left_amiss left_by(const verify_verdict& verdict, bool repair) {
  if (repair || verdict.findings.empty()) {
    const bool is_served = verdict.unserved == 0;
    return {verdict.unclaimed - verdict.ahead + verdict.unserved,
            is_served ? verdict.unclaimed_reason : verdict.unserved_reason};
  }
  const verify_verdict::finding& first = verdict.findings.front();
  return {verdict.found - verdict.ahead + verdict.unserved,
          first.wanted.ref + ": " + first.reason + "; longshore verify mends what the log speaks of"};
}

}  // namespace longshore::engine
