#include "engine/reference.h"

#include <cstddef>

namespace longshore::engine {
namespace {

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_tag_start(char c) { return is_alphanumeric(c) || (c >= 'A' && c <= 'Z') || c == '_'; }

// [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
bool is_path_component(std::string_view part) {
  if (part.empty() || !is_alphanumeric(part.front()) || !is_alphanumeric(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    if (is_alphanumeric(part[i])) {
      ++i;
      continue;
    }
    const char separator = part[i];
    std::size_t run = 0;
    while (i < part.size() && part[i] == separator) ++i, ++run;
    const bool allowed = separator == '-' || (separator == '_' && run <= 2) || (separator == '.' && run == 1);
    if (!allowed || !is_alphanumeric(part[i])) return false;
  }
  return true;
}

}  // namespace

bool is_repository_name(std::string_view name) {
  if (name.empty() || name.size() > 255) return false;
  for (;;) {
    const std::size_t slash = name.find('/');
    if (!is_path_component(name.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    name.remove_prefix(slash + 1);
  }
}

bool is_tag(std::string_view tag) {
  if (tag.empty() || tag.size() > 128 || !is_tag_start(tag.front())) return false;
  for (const char c : tag) {
    if (!is_tag_start(c) && c != '.' && c != '-') return false;
  }
  return true;
}

}  // namespace longshore::engine
