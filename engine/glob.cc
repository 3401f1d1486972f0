#include "engine/glob.h"

#include <vector>

namespace longshore::engine {

// The set of text positions that the pattern so far may have reached, one pattern element at a time.
bool matches(std::string_view pattern, std::string_view text) {
  std::vector<bool> reached(text.size() + 1, false);
  reached[0] = true;
  for (std::size_t p = 0; p < pattern.size(); ++p) {
    const bool star = pattern[p] == '*';
    const bool any = star && p + 1 < pattern.size() && pattern[p + 1] == '*';
    if (any) ++p;
    std::vector<bool> next(text.size() + 1, false);
    for (std::size_t t = 0; t <= text.size(); ++t) {
      if (star) {
        next[t] = reached[t] || (t > 0 && next[t - 1] && (any || text[t - 1] != '/'));
      } else {
        const bool one = t > 0 && (pattern[p] == '?' ? text[t - 1] != '/' : text[t - 1] == pattern[p]);
        next[t] = one && reached[t - 1];
      }
    }
    reached = std::move(next);
  }
  return reached[text.size()];
}

}  // namespace longshore::engine
