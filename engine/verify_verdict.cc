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

}  // namespace longshore::engine
