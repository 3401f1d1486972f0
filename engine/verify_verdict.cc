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
  if (repair) return {verdict.unclaimed, verdict.unclaimed_reason};
  if (verdict.mismatches.empty()) return {};
  const tag_mismatch& first = verdict.mismatches.front();
  return {verdict.mismatches.size(),
          first.tag + ": " + first.reason + "; longshore verify mends what the log speaks of"};
}

}  // namespace longshore::engine
